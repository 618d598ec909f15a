"""What people decided goes out of here: drafts to Odoo, signed events to the apps.

In: lines that `serving.invoice_lines_to_publish` allows, decisions in schema `ops`.
Out: draft customer invoices, and a ledger in `ops` of everything that was tried.
"""
