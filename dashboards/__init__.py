"""Finance pages over the marts: the month, its differences, approvals, cutover, revenue.

Flows in: the marts and what was decided, read as finance_reader. Flows out: pages, exports, and
decisions of people who signed in, written as finance_approver.
"""
