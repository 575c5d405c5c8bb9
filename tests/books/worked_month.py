"""A month of a company of two entities, worked by hand and compared with the books, account by account and day by day.

US sells on `web`, whose shipments make the revenue, and holds a bank account in euros. EU sells on `market`, whose
settlements make it, and buys in pounds. October is worked, closed, and corrected in November. `PAPER` is the journal
as a bookkeeper writes it from the documents: each event with its debits and credits; amounts in another currency than
the entity's have their value in it in brackets. The documents are below it.

Values of stock, with what is known at the end of October (units, value; what is issued takes the average):
  MUG   100 400.00 | 5 O-1 −10 40.00: 90 360.00 | 7 R-1 +50 241.50: 140 601.50 | 9 O-3 −2 8.59: 138 592.91
        | 12 sample −2 8.59: 136 584.32 | 13 donation −5 21.48: 131 562.84 | 16 R-3 +30 135.00: 161 697.84
        | 17 O-6 −20 86.69: 141 611.15 | 17 damage −3 13.00: 138 598.15 | 18 count +1 4.33: 139 602.48
        | 19 transfer −20 86.69: 119 515.79 | 20 restock +2 8.00 (40.00 ÷ 10 × 2): 121 523.79
        | 20 transfer +15 65.02 (86.69 ÷ 20 × 15; 5 units and 21.67 are on their way): 136 588.81
        | 31 O-8 −4 17.32: 132 571.49
        R-1: 50 at 4.60 are 230.00, and of the freight of 20.70 by value 230 ÷ 414: 11.50.
  LAMP  20 400.00 | 7 R-1 +8 193.20 (184.00 and 9.20 of the freight): 28 593.20 | 8 O-2 −2 42.37: 26 550.83
        | 14 O-2 −4 84.74: 22 466.09 | 15 count −1 21.19: 21 444.90 | 16 lost −1 21.19: 20 423.71
        | 21 O-7 −2 42.37: 18 381.34 | 23 to the vendor −2 42.37: 16 338.97 | 28 R-4 +5 120.00: 21 458.97
        Returned of O-2: one of the two that cost 42.37, 21.19.
  DESK  first in, first out: 5 at 100.00; 9 R-2 4 at 125.00 (100.00 EUR at 1.25, the rate of the invoice's day)
        | 10 O-4 −3 300.00 | 20 O-5 −3 2 × 100.00 + 125.00: 3 at 125.00. Returned of O-4: 100.00.
  TEE   100 500.00 | 6 M-1 −10 50.00: 90 450.00 | 8 +40 210.00 (168.00 GBP at 1.25): 130 660.00
        | 16 M-3 −5 25.38: 125 634.62 | 26 obsolete −3 15.23: 122 619.39 | 27 M-4 −2 10.15: 120 609.24
  BAG   20 at 12.00, −4, −10, −2; one came back and is liquidated: 4 at 12.00.
What is known in November:
  MUG   R-1 251.72 (240.00, and of the freight 240 ÷ 424): 140 611.72 | O-3 8.74 | sample 8.74 | donation 21.85
        : 131 572.39 | R-3: 161 707.39 | O-6 87.87 | damage 13.18: 138 606.34 | count 4.39: 139 610.73
        | transfer 87.87: 119 522.86 | restock 8.00 | transfer 65.90: 136 596.76 | 30 O-9 −1 4.39: 135 592.37
        | O-8 17.55: 131 574.82; on their way 5 21.97
  LAMP  R-1 192.98: 28 592.98 | O-2 42.36, 84.71: 22 465.91 | count 21.18 | lost 21.18: 20 423.55 | O-7 42.36 (42.355)
        | vendor 42.35: 16 338.84 | R-4: 21 458.84. Returned of O-2: 21.18.
"""

from __future__ import annotations

PAPER = """
US 2026-10
01 opening balances: Dr 1000 10000.00, Dr 1100 55.00, Dr 1010 300.00, Dr 1110 40.00, Cr 2000 500.00, Cr 2100 80.00,
   Cr 3000 9815.00
01 opening balance of the account in euros, at 1.10: Dr 1000 1000.00 EUR (1100.00), Cr 3000 1000.00 EUR (1100.00)
01 opening stock of 100 MUG, 20 LAMP, 5 DESK: Dr 1200 1300.00, Cr 3000 1300.00
02 bank: the payout of September: Dr 1000 300.00, Cr 1990 300.00
02 JE-1, approved: that is what was in transit: Dr 1990 300.00, Cr 1010 300.00
05 O-1, 10 MUG: Dr 1100 155.52, Dr 4050 15.00, Cr 4000 150.00, Cr 4010 9.00, Cr 2100 11.52, Dr 5000 40.00, Cr 1200 40.00
07 R-1, at what I-1 bills: Dr 1200 434.70, Cr 2010 434.70
08 O-2, 2 of 6 LAMP, thirds of 359.99, 5.00, 28.81: Dr 1100 131.27, Cr 4000 120.00, Cr 4010 1.67, Cr 2100 9.60,
   Dr 5000 42.37, Cr 1200 42.37
09 O-3, 2 of 3 MUG, one is cancelled: Dr 1100 32.40, Cr 4000 30.00, Cr 2100 2.40, Dr 5000 8.59, Cr 1200 8.59
09 R-2, before its order: Dr 1200 500.00, Cr 2010 500.00
10 O-4, 3 DESK: Dr 1100 855.00, Cr 4000 750.00, Cr 4010 45.00, Cr 2100 60.00, Dr 5000 300.00, Cr 1200 300.00
12 I-1: Dr 2010 434.70, Dr 1260 33.12, Cr 2000 467.82
12 samples: Dr 6060 8.59, Cr 1200 8.59
12 S-1: fees: Dr 6000 12.00, Dr 6010 20.00, Dr 6020 8.00, Dr 6030 10.00, Cr 1100 50.00
12 S-1: reserve of September back, another one held: Dr 1100 40.00, Cr 1110 40.00, Dr 1110 60.00, Cr 1100 60.00
13 donation: Dr 6070 21.48, Cr 1200 21.48
13 I-2 in euros, at 1.25 of the 12th: Dr 2010 400.00 EUR (500.00), Cr 2000 400.00 EUR (500.00)
14 O-2, the other 4: Dr 1100 262.53, Cr 4000 239.99, Cr 4010 3.33, Cr 2100 19.21, Dr 5000 84.74, Cr 1200 84.74
14 S-1 pays 374.19 of orders − 50.00 − 20.00: Dr 1010 304.19, Cr 1100 304.19
15 S-1 on the bank: Dr 1000 304.19, Cr 1010 304.19
15 I-3, before its receipt: Dr 2010 135.00, Dr 1260 10.80, Cr 2000 145.80
15 count: a lamp less: Dr 5020 21.19, Cr 1200 21.19
16 R-3: Dr 1200 135.00, Cr 2010 135.00
16 a lamp lost by the channel, claimed: Dr 1240 21.19, Cr 1200 21.19
17 O-6, 20 MUG: Dr 1100 324.00, Cr 4000 300.00, Cr 2100 24.00, Dr 5000 86.69, Cr 1200 86.69
17 3 mugs damaged: Dr 5020 13.00, Cr 1200 13.00
18 count: a mug more: Dr 1200 4.33, Cr 5020 4.33
19 20 mugs leave for DC2: Dr 1220 86.69, Cr 1200 86.69
19 2 mugs of O-1 come back: Dr 1210 8.00, Cr 5000 8.00
20 they are good: Dr 1200 8.00, Cr 1210 8.00
20 15 mugs arrive at DC2: Dr 1200 65.02, Cr 1220 65.02
20 a lamp of O-2 comes back: Dr 1210 21.19, Cr 5000 21.19
20 O-5, 3 DESK: Dr 1100 810.00, Cr 4000 750.00, Cr 2100 60.00, Dr 5000 325.00, Cr 1200 325.00
20 I-1 is paid: Dr 2000 467.82, Cr 1000 467.82
21 O-7 in euros, at 1.16 of the 19th: Dr 1100 110.00 EUR (127.60), Cr 4000 100.00 EUR (116.00),
   Cr 4010 10.00 EUR (11.60), Dr 5000 42.37, Cr 1200 42.37
21 a desk of O-4 comes back: Dr 1210 100.00, Cr 5000 100.00
22 the lamp is scrap: Dr 5030 21.19, Cr 1210 21.19
22 the desk is refurbished: Dr 1215 100.00, Cr 1210 100.00
22 bank: fee: Dr 6100 12.50, Cr 1000 12.50
22 S-6 in euros: fee: Dr 6000 5.00 EUR (5.80), Cr 1100 5.00 EUR (5.80)
22 S-2: refund of a third of O-4, 20.00 of it tax: Dr 4090 265.00, Dr 2100 20.00, Cr 1100 285.00
22 S-2: refund of a fifth of O-1, of it tax 11.52 × 31.10 ÷ 155.52: Dr 4090 28.80, Dr 2100 2.30, Cr 1100 31.10
22 S-2: refund of a sixth of O-2, of it tax 28.81 × 65.63 ÷ 393.80: Dr 4090 60.83, Dr 2100 4.80, Cr 1100 65.63
22 S-2: fee given back: Dr 1100 2.40, Cr 6000 2.40
23 S-2: O-6 and O-3 disputed: Dr 1250 356.40, Dr 6040 30.00, Cr 1100 386.40
23 S-2: the channel remits the tax of O-6: Dr 2100 24.00, Cr 1100 24.00
23 2 lamps for the vendor: Dr 1225 42.37, Cr 1200 42.37
23 S-6 pays, at 1.16: Dr 1010 105.00 EUR (121.80), Cr 1100 105.00 EUR (121.80)
24 they are sent: Dr 1240 42.37, Cr 1225 42.37
26 S-2: O-6 is won, O-3 lost: Dr 1100 324.00, Cr 1250 324.00, Dr 4090 32.40, Cr 1250 32.40
26 S-2: goodwill: Dr 1100 5.00, Cr 4200 5.00
26 S-2: the claimed lamp is paid, and more: Dr 1100 30.00, Cr 1240 21.19, Cr 4200 8.81
26 S-2: the damaged mugs are paid, without a claim: Dr 1100 15.00, Cr 5020 15.00
26 S-2: 60.00 of the reserve back, 75.00 held; fees: Dr 1110 15.00, Cr 1100 15.00, Dr 6000 50.00, Cr 1100 50.00
26 S-4: fee: Dr 6000 10.00, Cr 1100 10.00
26 S-6 on the bank in dollars; at 1.20 it is 126.00: Dr 1000 125.50, Cr 7000 125.50, Dr 7000 105.00 EUR (126.00),
   Cr 1010 105.00 EUR (126.00)
26 I-2 is paid, at 1.20: Dr 2000 400.00 EUR (480.00), Cr 1000 400.00 EUR (480.00)
27 S-4 pays 810.00 − 10.00, which will come back: Dr 1010 800.00, Cr 1100 800.00
27 CN-1, the vendor credits the lamps: Dr 2000 49.68, Cr 1260 3.68, Cr 1240 42.37, Cr 4200 3.63
28 R-4, at the order's price: Dr 1200 120.00, Cr 2010 120.00
28 S-2 pays: Dr 1010 960.80, Cr 1100 960.80
29 S-2 on the bank, and a fee: Dr 1000 960.80, Cr 1010 960.80, Dr 6100 5.00, Cr 1000 5.00
29 I-5, whose desk is not there: Dr 2010 130.00, Dr 1260 10.40, Cr 2000 140.40
29 S-3: refund of a quarter of O-6: Dr 4090 75.00, Dr 2100 6.00, Cr 1100 81.00
29 S-3: and its tax from the channel: Dr 1100 6.00, Cr 2100 6.00
29 S-3: storage: Dr 6020 20.00, Cr 1100 20.00
30 S-3 is below zero, and is charged: Dr 1100 95.00, Cr 1010 95.00, Dr 1010 95.00, Cr 1000 95.00
30 S-5: S-4 has come back: Dr 1100 800.00, Cr 1010 800.00
30 bank: nobody knows from whom: Dr 1000 77.00, Cr 1990 77.00
31 O-8, at 22 o'clock in New York: Dr 1100 64.80, Cr 4000 60.00, Cr 2100 4.80, Dr 5000 17.32, Cr 1200 17.32
31 JE-3: storage, not advertising: Dr 6020 3.00, Cr 6030 3.00

EU 2026-10
01 opening balances: Dr 1000 5000.00, Cr 2000 100.00, Cr 3000 4900.00
01 opening balance of the account in pounds, at 1.25: Dr 1000 200.00 GBP (250.00), Cr 3000 200.00 GBP (250.00)
01 opening stock of 100 TEE, 20 BAG: Dr 1200 740.00, Cr 3000 740.00
05 a bill of September is paid: Dr 2000 100.00, Cr 1000 100.00
06 M-1 leaves: Dr 5000 50.00, Cr 1200 50.00
07 M-2 leaves: Dr 5000 48.00, Cr 1200 48.00
08 40 TEE, at what the invoice bills: Dr 1200 210.00, Cr 2010 210.00
09 invoice in pounds, at 1.25: Dr 2010 168.00 GBP (210.00), Cr 2000 168.00 GBP (210.00)
13 T-1: M-1 and M-2: Dr 1100 360.00, Cr 4000 360.00, Dr 1100 65.36, Cr 2100 65.36, Dr 1100 5.00, Cr 4010 5.00,
   Dr 4050 16.00, Cr 1100 16.00
13 T-1: fees: Dr 6000 38.70, Dr 6010 10.00, Cr 1100 48.70
13 T-1: the market remits the tax of M-2: Dr 2100 27.36, Cr 1100 27.36
13 T-1: reserve: Dr 1110 50.00, Cr 1100 50.00
15 T-1 pays: Dr 1010 288.30, Cr 1100 288.30
16 T-1 on the bank: Dr 1000 288.30, Cr 1010 288.30
16 M-3 leaves: Dr 5000 25.38, Cr 1200 25.38
17 M-6 leaves: Dr 5000 120.00, Cr 1200 120.00
19 M-7 leaves: Dr 5000 24.00, Cr 1200 24.00
20 T-2: M-3 in one amount with its tax: Dr 1100 119.00, Cr 4000 100.00, Cr 2100 19.00
20 T-3 in pounds: 1 ÷ 0.82 of the 19th is 1.219512195122: Dr 1100 60.00 GBP (73.17), Cr 4000 60.00 GBP (73.17),
   Dr 1100 12.00 GBP (14.63), Cr 2100 12.00 GBP (14.63), Dr 6000 7.00 GBP (8.54), Cr 1100 7.00 GBP (8.54)
20 the invoice in pounds is paid: Dr 2000 168.00 GBP (204.88), Cr 1000 168.00 GBP (204.88)
21 2 TEE of M-1 are sent back: Dr 1220 10.00, Cr 5000 10.00
22 T-2: refund of them: Dr 4090 40.00, Dr 2100 7.60, Dr 4010 1.00, Cr 1100 48.60, Dr 1100 4.00, Cr 6000 4.00
22 T-2: reserve back: Dr 1100 50.00, Cr 1110 50.00
22 T-3 pays: Dr 1010 65.00 GBP (79.27), Cr 1100 65.00 GBP (79.27)
23 they arrive: Dr 1210 10.00, Cr 1220 10.00
25 T-2: M-2 is disputed: Dr 1250 171.36, Dr 6040 20.00, Cr 1100 191.36
25 T-2: M-6: Dr 1100 400.00, Cr 4000 400.00, Dr 1100 76.00, Cr 2100 76.00, Dr 6000 48.00, Cr 1100 48.00
25 T-2: an adjustment, another fee, advertising: Dr 4200 3.00, Dr 6050 2.00, Dr 6030 9.99, Cr 1100 14.99
25 T-2: a code that nobody knows: Dr 1100 1.11, Cr 1990 1.11
25 a BAG of M-6 comes back: Dr 1210 12.00, Cr 5000 12.00
26 to be liquidated: Dr 1200 12.00, Cr 1210 12.00
26 3 TEE are obsolete: Dr 5030 15.23, Cr 1200 15.23
26 T-3 on the bank in pounds, and a fee: Dr 1000 65.00 GBP (79.27), Cr 1010 65.00 GBP (79.27),
   Dr 6100 1.00 GBP (1.22), Cr 1000 1.00 GBP (1.22)
27 the bag is liquidated: Dr 5000 12.00, Cr 1200 12.00
27 M-4, 2 of 6 TEE leave: Dr 5000 10.15, Cr 1200 10.15
29 T-2 pays: Dr 1010 347.16, Cr 1100 347.16
30 T-2 on the bank, 5.00 short, and a fee: Dr 1000 342.16, Cr 1010 342.16, Dr 6100 7.50, Cr 1000 7.50

US 2026-11
12/10 I-1 is corrected: 50 at 4.80: Dr 2010 10.00, Dr 1260 0.80, Cr 2000 10.80
07/10 R-1, at what it bills now: Dr 1200 10.00, Cr 2010 10.00
05/10 O-1 was 148.00: Dr 4000 2.00, Cr 1100 2.00
22/10 its refund holds tax of 11.52 × 31.10 ÷ 153.52, 2.33: Dr 2100 0.03, Cr 4090 0.03
30/10 O-9, whose file is late: Dr 1100 16.20, Cr 4000 15.00, Cr 2100 1.20, Dr 5000 4.39, Cr 1200 4.39
08/10 O-2: Cr 5000 0.01, Dr 1200 0.01
09/10 O-3: Dr 5000 0.15, Cr 1200 0.15
12/10 samples: Dr 6060 0.15, Cr 1200 0.15
13/10 donation: Dr 6070 0.37, Cr 1200 0.37
14/10 O-2: Cr 5000 0.03, Dr 1200 0.03
15/10 count: Cr 5020 0.01, Dr 1200 0.01
16/10 the lost lamp: Cr 1240 0.01, Dr 1200 0.01
17/10 O-6, damage: Dr 5000 1.18, Dr 5020 0.18, Cr 1200 1.36
18/10 count: Dr 1200 0.06, Cr 5020 0.06
19/10 transfer: Dr 1220 1.18, Cr 1200 1.18
20/10 its arrival: Dr 1200 0.88, Cr 1220 0.88
20/10 the lamp that came back: Cr 1210 0.01, Dr 5000 0.01
21/10 O-7: Cr 5000 0.01, Dr 1200 0.01
22/10 the lamp that is scrap: Cr 5030 0.01, Dr 1210 0.01
23/10 for the vendor: Cr 1225 0.02, Dr 1200 0.02
24/10 sent: Cr 1240 0.02, Dr 1225 0.02
27/10 CN-1: the claim was 42.35: Dr 1240 0.02, Cr 4200 0.02
26/10 the claim was 21.18: Dr 1240 0.01, Cr 4200 0.01
31/10 O-8: Dr 5000 0.23, Cr 1200 0.23
02 S-5 pays what came back: Dr 1010 800.00, Cr 1100 800.00
03 S-5 on the bank: Dr 1000 800.00, Cr 1010 800.00
03 R-5, the desk of I-5: Dr 1200 130.00, Cr 2010 130.00

EU 2026-11
25/10 T-2: the adjustment was 4.00: Dr 4200 1.00, Cr 1100 1.00
29/10 T-2 pays 346.16: Dr 1100 1.00, Cr 1010 1.00
05 M-2 is lost: Dr 4090 171.36, Cr 1250 171.36
"""

# --- the documents: a line each, with the pass of the books that first sees it ----------------------------------------

COLUMNS = {
    "item": "sku std_unit_cost cost_method",
    "opening_balance": "account currency amount subledger_key",
    "fx_rate": "day quote rate",
    "purchase_order_line": "po stated_at line_no sku qty unit_cost currency",
    "inventory_movement": "occurred_at sku qty way type reason location document_no order_id unit_cost",
    "order_line": "order_id sku qty list_amount discount_amount shipping_amount tax_amount currency cancelled_qty",
    "supplier_invoice_line": "invoice_no invoice_date line_kind amount currency po sku qty",
    "settlement_line": "settlement_id posted_at canonical_class amount currency order_id sku",
    "settlement": "settlement_id deposit_date total currency",
    "bank_line": "account booking_date amount currency status subfamily remittance",
    "manual_entry": "entry_no line_no day account debit credit person approved_by settlement_id",
}
"""What the lines of `DOCUMENTS` state after pass, file and entity; "-" is nothing. `replaces` may follow."""
DOCUMENTS = """
[item]
1 items US MUG 4.00 -
1 items US LAMP 20.00 -
1 items US DESK - FIFO
1 items EU TEE 5.00 -
1 items EU BAG 12.00 -

[opening_balance]
1 open-us US 1000 USD 10000.00 -
1 open-us US 1100 USD 55.00 O-900
1 open-us US 1010 USD 300.00 S-SEP
1 open-us US 1110 USD 40.00 S-SEP
1 open-us US 2000 USD -500.00 INV-900
1 open-us US 2100 USD -80.00 -
1 open-us US 1000 EUR 1000.00 -
1 open-us US 1200 USD 1300.00 -
1 open-eu EU 1000 EUR 5000.00 -
1 open-eu EU 2000 EUR -100.00 R-77
1 open-eu EU 1000 GBP 200.00 -

[fx_rate]
1 ecb-01 EU 2026-10-01 USD 1.10
1 ecb-01 EU 2026-10-01 GBP 0.80
1 ecb-05 EU 2026-10-05 USD 1.20
1 ecb-05 EU 2026-10-05 GBP 0.80
2 ecb-12 EU 2026-10-12 USD 1.25
2 ecb-12 EU 2026-10-12 GBP 0.80
3 ecb-26 EU 2026-10-26 USD 1.20
3 ecb-26 EU 2026-10-26 GBP 0.82
4 ecb-19 EU 2026-10-19 USD 1.16
4 ecb-19 EU 2026-10-19 GBP 0.82

[purchase_order_line]
1 po-1 US PO-1 02 1 MUG 50 4.40 USD
1 po-1 US PO-1 02 2 LAMP 10 23.00 USD
2 po-2 US PO-2 08 1 DESK 4 100.00 EUR
2 po-3 US PO-3 14 1 MUG 30 4.50 USD
3 po-4 US PO-4 20 1 LAMP 5 24.00 USD
3 po-5 US PO-5 20 1 DESK 1 130.00 USD
1 po-e EU EP-1 05 1 TEE 40 4.00 GBP

[inventory_movement]
1 stock-us US 01 MUG 100 ADJUST>AVAILABLE OPENING - DC1 - - 4.00
1 stock-us US 01 LAMP 20 ADJUST>AVAILABLE OPENING - DC1 - - 20.00
1 stock-us US 01 DESK 5 ADJUST>AVAILABLE OPENING - DC1 - - 100.00
1 stock-eu EU 01 TEE 100 ADJUST>AVAILABLE OPENING - DCE - - 5.00
1 stock-eu EU 01 BAG 20 ADJUST>AVAILABLE OPENING - DCE - - 12.00
1 ship-05 US 05 MUG 10 SOLD SHIP - DC1 - O-1 -
1 rcv-1 US 07 MUG 50 RECEIVED RECEIPT - DC1 PO-1 - -
1 rcv-1 US 07 LAMP 8 RECEIVED RECEIPT - DC1 PO-1 - -
1 ship-08 US 08 LAMP 2 SOLD SHIP - DC1 - O-2 -
1 ship-08 US 09 MUG 2 SOLD SHIP - DC1 - O-3 -
1 rcv-2 US 09 DESK 4 RECEIVED RECEIPT - DC1 PO-2 - -
1 ship-10 US 10 DESK 3 SOLD SHIP - DC1 - O-4 -
2 adj-12 US 12 MUG 2 AVAILABLE>ADJUST ADJUSTMENT SAMPLE DC1 - - -
2 adj-12 US 13 MUG 5 AVAILABLE>ADJUST ADJUSTMENT DONATION DC1 - - -
2 ship-14 US 14 LAMP 4 SOLD SHIP - DC1 - O-2 -
2 adj-15 US 15 LAMP 1 AVAILABLE>ADJUST COUNT COUNT DC1 - - -
3 rcv-3 US 16 MUG 30 RECEIVED RECEIPT - DC1 PO-3 - -
3 adj-16 US 16 LAMP 1 AVAILABLE>ADJUST ADJUSTMENT LOST DC1 - - -
2 ship-17 US 17 MUG 20 SOLD SHIP - DC1 - O-6 -
3 adj-16 US 17T18 MUG 3 AVAILABLE>ADJUST ADJUSTMENT DAMAGED DC1 - - -
3 adj-16 US 18 MUG 1 ADJUST>AVAILABLE COUNT COUNT DC1 - - -
3 move-19 US 19 MUG 20 AVAILABLE>XFER_TRANSIT TRANSFER - DC1>DC2 - - -
3 move-19 US 20 MUG 15 XFER_TRANSIT>AVAILABLE TRANSFER - DC2 - - -
3 back-19 US 19 MUG 2 SENT_BACK RETURN - DC1 - O-1 -
3 back-19 US 20 MUG 2 RETURN_PENDING_INSPECTION>RESALE_READY STATUS - DC1 - - -
3 back-19 US 20T13 MUG 2 RESALE_READY>AVAILABLE STATUS - DC1 - - -
3 back-19 US 20 LAMP 1 SENT_BACK RETURN - DC1 - O-2 -
3 back-19 US 22 LAMP 1 RETURN_PENDING_INSPECTION>SCRAP STATUS - DC1 - - -
3 back-19 US 22T18 LAMP 1 SCRAP>SINK STATUS - DC1 - - -
3 back-19 US 21 DESK 1 SENT_BACK RETURN - DC1 - O-4 -
3 back-19 US 22 DESK 1 RETURN_PENDING_INSPECTION>REFURBISH STATUS - DC1 - - -
3 ship-20 US 20 DESK 3 SOLD SHIP - DC1 - O-5 -
3 ship-20 US 21 LAMP 2 SOLD SHIP - DC1 - O-7 -
3 vendor US 23 LAMP 2 AVAILABLE>VENDOR_RETURN STATUS - DC1 - - -
3 vendor US 24 LAMP 2 VENDOR_RETURN>SUPPLIER RETURN - DC1 - - -
3 hold US 25 LAMP 3 AVAILABLE>QC_HOLD STATUS - DC1 - - -
3 rcv-4 US 28 LAMP 5 RECEIVED RECEIPT - DC1 PO-4 - -
3 ship-31 US 32T02 MUG 4 SOLD SHIP - DC1 - O-8 -
5 ship-30 US 30 MUG 1 SOLD SHIP - DC1 - O-9 -
5 rcv-5 US 34 DESK 1 RECEIVED RECEIPT - DC1 PO-5 - -
1 ship-e1 EU 06 TEE 10 SOLD SHIP - DCE - M-1 -
1 ship-e1 EU 07 BAG 4 SOLD SHIP - DCE - M-2 -
1 rcv-e1 EU 08 TEE 40 RECEIVED RECEIPT - DCE EP-1 - -
2 ship-e2 EU 16 TEE 5 SOLD SHIP - DCE - M-3 -
2 ship-e2 EU 17 BAG 10 SOLD SHIP - DCE - M-6 -
3 ship-e3 EU 19 BAG 2 SOLD SHIP - DCE - M-7 -
3 back-e EU 21 TEE 2 CUSTOMER>RETURN_TRANSIT RETURN - DCE - M-1 -
3 back-e EU 23 TEE 2 RETURN_TRANSIT>RETURN_PENDING_INSPECTION RETURN - DCE - M-1 -
3 back-e EU 24 TEE 2 RETURN_PENDING_INSPECTION>QUARANTINE STATUS - DCE - - -
3 back-e EU 25 BAG 1 SENT_BACK RETURN - DCE - M-6 -
3 back-e EU 26 BAG 1 RETURN_PENDING_INSPECTION>LIQUIDATE STATUS - DCE - - -
3 back-e EU 27 BAG 1 LIQUIDATE>CUSTOMER LIQUIDATION - DCE - - -
3 adj-e EU 26 TEE 3 AVAILABLE>ADJUST ADJUSTMENT OBSOLETE DCE - - -
3 ship-e3 EU 27 TEE 2 SOLD SHIP - DCE - M-4 -

[order_line]
1 orders-1 US O-1 MUG 10 150.00 15.00 9.00 11.52 USD -
1 orders-1 US O-2 LAMP 6 359.99 - 5.00 28.81 USD -
1 orders-1 US O-3 MUG 3 45.00 - - 3.60 USD 1
1 orders-1 US O-4 DESK 3 750.00 - 45.00 60.00 USD -
3 orders-2 US O-5 DESK 3 750.00 - - 60.00 USD -
3 orders-2 US O-6 MUG 20 300.00 - - 24.00 USD -
3 orders-2 US O-7 LAMP 2 100.00 - 10.00 - EUR -
3 orders-2 US O-8 MUG 4 60.00 - - 4.80 USD -
5 orders-3 US O-9 MUG 1 15.00 - - 1.20 USD -
5 orders-3 US O-1 MUG 10 148.00 15.00 9.00 11.52 USD - replaces=orders-1.1
1 orders-e EU M-1 TEE 10 200.00 - 5.00 38.00 EUR -
1 orders-e EU M-2 BAG 4 160.00 16.00 - 27.36 EUR -
3 orders-f EU M-3 TEE 5 100.00 - - 19.00 EUR -
3 orders-f EU M-4 TEE 6 120.00 - - 22.80 EUR -
3 orders-f EU M-5 BAG 2 80.00 - - 15.20 EUR 2
3 orders-f EU M-6 BAG 10 400.00 - - 76.00 EUR -
3 orders-f EU M-7 BAG 2 60.00 - - 12.00 GBP -

[supplier_invoice_line]
2 inv-1 US I-1 12 GOODS 230.00 USD PO-1 MUG 50
2 inv-1 US I-1 12 GOODS 184.00 USD PO-1 LAMP 8
2 inv-1 US I-1 12 CHARGE 20.70 USD - - -
2 inv-1 US I-1 12 TAX 33.12 USD - - -
2 inv-2 US I-2 13 GOODS 400.00 EUR PO-2 DESK 4
2 inv-3 US I-3 15 GOODS 135.00 USD PO-3 MUG 30
2 inv-3 US I-3 15 TAX 10.80 USD - - -
3 inv-5 US I-5 29 GOODS 130.00 USD PO-5 DESK 1
3 inv-5 US I-5 29 TAX 10.40 USD - - -
5 inv-6 US I-1 12 GOODS 240.00 USD PO-1 MUG 50 replaces=inv-1.1
5 inv-6 US I-1 12 TAX 33.92 USD - - - replaces=inv-1.4
3 cn-1 US CN-1 27 GOODS -46.00 USD - LAMP -2
3 cn-1 US CN-1 27 TAX -3.68 USD - - -
1 inv-e EU EI-1 09 GOODS 168.00 GBP EP-1 TEE 40

[settlement_line]
2 s-1 US S-1 12 principal 55.00 USD O-900 -
2 s-1 US S-1 12 principal 155.52 USD O-1 MUG
2 s-1 US S-1 12 principal 32.40 USD O-3 MUG
2 s-1 US S-1 12 principal 131.27 USD O-2 LAMP
2 s-1 US S-1 12 commission -12.00 USD O-1 MUG
2 s-1 US S-1 12 fulfilment -20.00 USD - -
2 s-1 US S-1 12 storage -8.00 USD - -
2 s-1 US S-1 12 advertising -10.00 USD - -
2 s-1 US S-1 12 reserve 40.00 USD - -
2 s-1 US S-1 12 reserve -60.00 USD - -
3 s-2 US S-2 22 principal 262.53 USD O-2 LAMP
3 s-2 US S-2 22 principal 855.00 USD O-4 DESK
3 s-2 US S-2 22 principal 324.00 USD O-6 MUG
3 s-2 US S-2 22 refund_principal -285.00 USD O-4 DESK
3 s-2 US S-2 22 refund_principal -31.10 USD O-1 MUG
3 s-2 US S-2 22 refund_principal -65.63 USD O-2 LAMP
3 s-2 US S-2 22 refund_commission 2.40 USD O-1 MUG
3 s-2 US S-2 23 chargeback -324.00 USD O-6 -
3 s-2 US S-2 23 dispute_fee -15.00 USD O-6 -
3 s-2 US S-2 23 chargeback -32.40 USD O-3 -
3 s-2 US S-2 23 dispute_fee -15.00 USD O-3 -
3 s-2 US S-2 23 facilitator_tax -24.00 USD O-6 -
3 s-2 US S-2 26 chargeback 324.00 USD O-6 -
3 s-2 US S-2 26 chargeback_lost 0 USD O-3 -
3 s-2 US S-2 26 goodwill 5.00 USD - -
3 s-2 US S-2 26 reimbursement 30.00 USD - LAMP
3 s-2 US S-2 26 reimbursement 15.00 USD - MUG
3 s-2 US S-2 26 reserve 60.00 USD - -
3 s-2 US S-2 26 reserve -75.00 USD - -
3 s-2 US S-2 26 commission -50.00 USD - -
3 s-3 US S-3 29 refund_principal -81.00 USD O-6 MUG
3 s-3 US S-3 29 facilitator_tax 6.00 USD O-6 MUG
3 s-3 US S-3 29 storage -20.00 USD - -
3 s-4 US S-4 26 principal 810.00 USD O-5 DESK
3 s-4 US S-4 26 commission -10.00 USD - -
3 s-5 US S-5 30 transfer 800.00 USD - -
3 s-6 US S-6 22 principal 110.00 EUR O-7 LAMP
3 s-6 US S-6 22 commission -5.00 EUR O-7 LAMP
2 t-1 EU T-1 13 principal 200.00 EUR M-1 TEE
2 t-1 EU T-1 13 tax 38.00 EUR M-1 TEE
2 t-1 EU T-1 13 shipping 5.00 EUR M-1 TEE
2 t-1 EU T-1 13 commission -24.30 EUR M-1 TEE
2 t-1 EU T-1 13 fulfilment -10.00 EUR M-1 TEE
2 t-1 EU T-1 13 principal 160.00 EUR M-2 BAG
2 t-1 EU T-1 13 promotion -16.00 EUR M-2 BAG
2 t-1 EU T-1 13 tax 27.36 EUR M-2 BAG
2 t-1 EU T-1 13 commission -14.40 EUR M-2 BAG
2 t-1 EU T-1 13 facilitator_tax -27.36 EUR M-2 BAG
2 t-1 EU T-1 13 reserve -50.00 EUR - -
3 t-2 EU T-2 25 adjustment -3.00 EUR - -
3 t-2 EU T-2 20 principal 119.00 EUR M-3 TEE
3 t-2 EU T-2 22 reserve 50.00 EUR - -
3 t-2 EU T-2 22 refund_principal -40.00 EUR M-1 TEE
3 t-2 EU T-2 22 refund_tax -7.60 EUR M-1 TEE
3 t-2 EU T-2 22 refund_shipping -1.00 EUR M-1 TEE
3 t-2 EU T-2 22 refund_commission 4.00 EUR M-1 TEE
3 t-2 EU T-2 25 chargeback -171.36 EUR M-2 -
3 t-2 EU T-2 25 dispute_fee -20.00 EUR M-2 -
3 t-2 EU T-2 25 other_fee -2.00 EUR - -
3 t-2 EU T-2 25 advertising -9.99 EUR - -
3 t-2 EU T-2 25 suspense 1.11 EUR - -
3 t-2 EU T-2 25 principal 400.00 EUR M-6 BAG
3 t-2 EU T-2 25 tax 76.00 EUR M-6 BAG
3 t-2 EU T-2 25 commission -48.00 EUR M-6 BAG
3 t-3 EU T-3 20 principal 60.00 GBP M-7 BAG
3 t-3 EU T-3 20 tax 12.00 GBP M-7 BAG
3 t-3 EU T-3 20 commission -7.00 GBP M-7 BAG
5 t-2b EU T-2 25 adjustment -4.00 EUR - - replaces=t-2.1
5 t-4 EU T-4 36 chargeback_lost 0 EUR M-2 -

[settlement]
2 s-1 US S-1 14 304.19 USD
3 s-2 US S-2 28 960.80 USD
3 s-3 US S-3 30 -95.00 USD
3 s-4 US S-4 27 800.00 USD
5 s-5p US S-5 33 800.00 USD
3 s-6 US S-6 23 105.00 EUR
2 t-1 EU T-1 15 288.30 EUR
3 t-2 EU T-2 29 347.16 EUR
3 t-3 EU T-3 22 65.00 GBP
5 t-2b EU T-2 29 346.16 EUR replaces=t-2.1

[bank_line]
1 bank-1 US USD-1 02 300.00 USD BOOK RCDT PAYOUT_SEPTEMBER
2 bank-2 US USD-1 15 304.19 USD BOOK RCDT PAYOUT_S-1
3 bank-3 US USD-1 20 -467.82 USD BOOK ICDT I-1
3 bank-3 US USD-1 22 -12.50 USD BOOK CHRG FEES
3 bank-4 US USD-1 26 125.50 USD BOOK RCDT PAYOUT_S-6
3 bank-4 US EUR-1 26 -400.00 EUR BOOK ICDT I-2
3 bank-5 US USD-1 29 960.80 USD BOOK RCDT PAYOUT_S-2
3 bank-5 US USD-1 29 -5.00 USD BOOK CHRG FEES
3 bank-5 US USD-1 30 -95.00 USD BOOK ICDT CHARGE_S-3
3 bank-5 US USD-1 30 77.00 USD BOOK RCDT NOBODY
3 bank-5 US USD-1 31 999.00 USD PDNG RCDT PAYOUT_S-9
5 bank-6 US USD-1 34 800.00 USD BOOK RCDT PAYOUT_S-5
1 bank-e1 EU EUR-2 05 -100.00 EUR BOOK ICDT R-77
2 bank-e2 EU EUR-2 16 288.30 EUR BOOK RCDT PAYOUT_T-1
3 bank-e3 EU GBP-2 20 -168.00 GBP BOOK ICDT EI-1
3 bank-e3 EU GBP-2 26 65.00 GBP BOOK RCDT PAYOUT_T-3
3 bank-e3 EU GBP-2 26 -1.00 GBP BOOK CHRG FEES
3 bank-e3 EU EUR-2 30 342.16 EUR BOOK RCDT PAYOUT_T-2
3 bank-e3 EU EUR-2 30 -7.50 EUR BOOK CHRG FEES

[manual_entry]
3 je-1 US JE-1 1 02 1990 300.00 - anna bela -
3 je-1 US JE-1 2 02 1010 - 300.00 anna bela S-SEP
3 je-2 US JE-2 1 30 1990 77.00 - anna anna -
3 je-2 US JE-2 2 30 4200 - 77.00 anna anna -
3 je-3 US JE-3 1 31 6020 3.00 - anna - -
3 je-3 US JE-3 2 31 6030 - 3.00 anna - -
"""
