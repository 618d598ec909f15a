{#- A bridge step in plain words. Reads difference_causes (cause, variant,
    from_amount, to_amount), differences,
    services, causes (its words, where none are here) and shares (the arithmetic of a proration). -#}
{% macro cause_sentence() -%}
    case
        when difference_causes.cause = 'rounding'
            then 'the app rounds in another way: ' || {{ round_money('difference_causes.from_amount', 'differences.decimals') }} || ' became '
                || {{ round_money('difference_causes.to_amount', 'differences.decimals') }}
        else
            'invoiced ' || {{ round_money('difference_causes.to_amount', 'differences.decimals') }} || ' where we expect '
            || {{ round_money('difference_causes.from_amount', 'differences.decimals') }} || ': '
            || case difference_causes.cause
                when 'plan_mismatch'
                    then 'the invoice charges plan ' || differences.named_plan_codes[1]
                        || ' for all of the period'
                when 'price_version'
                    then case difference_causes.variant
                        when 'older' then 'the app still charged the price before the last change'
                        when 'newer' then 'the app already charged the price of a later change'
                        else 'the app charged its own plan price, not the one of the catalogue'
                    end
                when 'boundary'
                    then 'the app counts usage from '
                        || to_char(differences.invoiced_start at time zone services.timezone, 'YYYY-MM-DD HH24:MI')
                        || ' to '
                        || to_char(differences.invoiced_end at time zone services.timezone, 'YYYY-MM-DD HH24:MI')
                        || ' (' || services.timezone || ')'
                when 'proration'
                    then case difference_causes.variant
                        when 'second' then 'the app prorates by the second'
                        when 'day' then 'the app prorates by the day'
                        else 'the app does not prorate'
                    end
                    || coalesce(' (' || shares.arithmetic || ')', '')
                    || ', our policy is ' || services.proration
                when 'quota'
                    then case difference_causes.variant
                        when 'zero' then 'the app gave no included quantity'
                        else 'the app gave the whole included quantity for a part of the period'
                    end
                when 'missing_usage'
                    then case difference_causes.variant
                        when 'none' then 'the invoice has no usage at all'
                        else 'usage that was written after the invoice is not on it'
                    end
                when 'quantity' then 'the app counted another quantity'
                else lower(left(causes.what_it_means, 1)) || substr(causes.what_it_means, 2)
            end
    end
{%- endmacro %}
