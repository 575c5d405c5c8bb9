"""The mappings of a home: loaded, laid over packs, with their lookups and samples."""
