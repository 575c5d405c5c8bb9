"""Bounds of every input."""

from __future__ import annotations

from pydantic import Field

from gateway.settings.strict import Strict


class Limits(Strict):
    """Bounds of every input. Past one, the file is quarantined with the reason and others go on."""

    file_bytes_max: int = 4 * 1024**3
    rows_per_file_max: int = 50_000_000
    columns_max: int = 2_000
    cell_bytes_max: int = 1_000_000
    items_per_cell_max: int = Field(default=100_000, ge=1)
    faults_per_file_max: int = 100_000
    xml_depth_max: int = 64
    xml_text_bytes_max: int = 10_000_000
    unpacked_bytes_max: int = 8 * 1024**3
    unpacked_files_max: int = 10_000
    xlsx_expansion_ratio_max: int = 200
    xlsx_expanded_bytes_max: int = 2 * 1024**3
    edi_segment_bytes_max: int = 1_000_000
    edi_elements_per_segment_max: int = 1_000
    edi_units_per_file_max: int = 2_000_000
    file_name_chars_max: int = 255
    files_per_commit_max: int = 1_000
    listed_files_max: int = Field(default=100_000, ge=1)
    listing_s_max: int = Field(default=300, ge=1)
    transfer_bytes_per_s_min: int = Field(default=1_000, ge=1)
    deaths_max: int = Field(default=3, ge=1)
    memory_mb_max: int = Field(default=1_000, ge=1)
    cpu_s_max: int = Field(default=300, ge=1)
