"""The venue room: halls and their seating plans.

A *plan* (model.Plan) is what an organiser has; a *layout* (model.Layout) is the same plan
compiled to seat indices, which is what Redis, the browser and the ledger speak.

  pretix.py, side.py   files -> Plan          check.py    what every plan must satisfy
  generate.py, bowl.py numbers -> Plan        layout.py   Plan -> Layout
  guids.py             repair of seat guids   price.py    prices where nobody gave any
"""
