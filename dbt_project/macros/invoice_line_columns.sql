{#- The columns of fct_invoice_lines, in order: the contract that the publisher, the command line
    and the pages read. One list, so that the views beside it cannot drift. -#}
{% macro invoice_line_columns(alias) -%}
    {%- set columns = [
        'line_key', 'content_hash', 'service', 'subscription_id', 'external_subscription_id',
        'external_customer_id', 'partner_id', 'customer_name', 'currency', 'kind', 'charge',
        'metric', 'plan_code', 'product_code', 'product_id', 'description', 'quantity',
        'included_quantity', 'billable_quantity', 'unit_price', 'exact_amount', 'amount',
        'fraction', 'price_source', 'rule', 'tax_ids', 'tax_components', 'service_period_start',
        'service_period_end', 'billing_period_start', 'billing_period_end', 'service_start_on',
        'service_end_on', 'segment_start', 'segment_end', 'corrects_period_start',
        'adjustment_number', 'is_billable', 'is_assumed_price', 'assumed_billed_amount',
        'assumed_adjustment_number', 'corrected_period_starts', 'policies'
    ] -%}
    {%- for column in columns %}
        {{ alias }}.{{ column }}{{ ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}
