{#- Why an invoice's event is sent, in words for a person. Reads the columns of
    int_lifecycle_invoice_events; no clock and no `as_of`, so that the words stay the same. -#}
{% macro lifecycle_reason() -%}
    'Invoice ' || coalesce(invoice_reference, 'without a number') || ' over '
    || total_amount || ' ' || currency
    || case
        when event_type = 'invoice.payment_succeeded' and is_withdrawn
            then ' was withdrawn: nothing is owed.'
        when event_type = 'invoice.payment_succeeded' and settled_by = 'credit_note'
            then ' was credited in full: nothing is owed.'
        when event_type = 'invoice.payment_succeeded' then ' is paid in full.'
        when event_type = 'invoice.payment_reversed' and is_payment_undone
            then ' was paid, but payment ' || coalesce(undone_payment_name, undone_payment_id::text)
            || ' was ' || {{ lifecycle_undone() }} || ', and it is still owed after '
            || dunning_grace_days || ' days.'
        when event_type = 'invoice.payment_reversed'
            then ' was paid, but the payment was taken back, and ' || residual_amount || ' '
            || currency || ' is still owed after ' || dunning_grace_days || ' days.'
        when is_charge_failure
            then ' could not be charged on '
            || to_char(failed_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI') || ' UTC'
            || coalesce(' (' || nullif(failure_message, '') || ')', '')
            || ' and is still owed after ' || dunning_grace_days || ' days.'
        when is_doubtful
            then ' was due on ' || due_on || '; its payment '
            || coalesce(undone_payment_name, undone_payment_id::text) || ' was '
            || {{ lifecycle_undone() }} || ' and ' || dunning_grace_days || ' days are over.'
        else ' was due on ' || due_on || '; ' || residual_amount || ' ' || currency
            || ' is unpaid and ' || dunning_grace_days || ' days of grace are over.'
    end
{%- endmacro %}

{#- What became of a payment that no longer pays. -#}
{% macro lifecycle_undone() -%}
    case undone_payment_state
        when 'canceled' then 'cancelled'
        when 'rejected' then 'rejected'
        else 'set back to draft'
    end
{%- endmacro %}
