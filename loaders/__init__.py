"""Copy in, change nothing. NexaCloud and Odoo flow in; raw_nexacloud and raw_odoo flow out."""
