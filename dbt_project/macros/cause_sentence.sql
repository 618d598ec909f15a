{#- A bridge step in plain words. Reads bridges (cause, variant, from_amount, to_amount), rests,
    services and shares (the arithmetic of a proration). -#}
{% macro cause_sentence() -%}
    case
        when bridges.cause = 'rounding'
            then 'the app rounds in another way: ' || {{ round_money('bridges.from_amount', 'rests.decimals') }} || ' became '
                || {{ round_money('bridges.to_amount', 'rests.decimals') }}
        else
            'invoiced ' || {{ round_money('bridges.to_amount', 'rests.decimals') }} || ' where we expect '
            || {{ round_money('bridges.from_amount', 'rests.decimals') }} || ': '
            || case bridges.cause
                when 'plan_mismatch'
                    then 'the invoice charges plan ' || rests.named_plan_codes[1]
                        || ' for all of the period'
                when 'price_version'
                    then case bridges.variant
                        when 'older' then 'the app still charged the price before the last change'
                        when 'newer' then 'the app already charged the price of a later change'
                        else 'the app charged its own plan price, not the one of the catalogue'
                    end
                when 'boundary'
                    then 'the app counts usage from '
                        || to_char(rests.said_start at time zone services.timezone, 'YYYY-MM-DD HH24:MI')
                        || ' to '
                        || to_char(rests.said_end at time zone services.timezone, 'YYYY-MM-DD HH24:MI')
                        || ' (' || services.timezone || ')'
                when 'proration'
                    then case bridges.variant
                        when 'second' then 'the app prorates by the second'
                        when 'day' then 'the app prorates by the day'
                        else 'the app does not prorate'
                    end
                    || coalesce(' (' || shares.arithmetic || ')', '')
                    || ', our policy is ' || services.proration
                when 'quota'
                    then case bridges.variant
                        when 'zero' then 'the app gave no included quantity'
                        else 'the app gave the whole included quantity for a part of the period'
                    end
                when 'missing_usage'
                    then case bridges.variant
                        when 'none' then 'the invoice has no usage at all'
                        else 'usage that was written after the invoice is not on it'
                    end
                when 'quantity' then 'the app counted another quantity'
            end
    end
{%- endmacro %}
