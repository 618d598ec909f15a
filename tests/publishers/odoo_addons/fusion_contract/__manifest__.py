{
    "name": "Fusion contract (tests)",
    "summary": "Gives an Odoo Community the fields and models that the warehouse's contract names",
    "version": "19.0.1.0",
    "depends": ["sale_management", "account"],
    "data": ["security/groups.xml", "security/ir.model.access.csv"],
    "license": "LGPL-3",
    "author": "tests",
}
