-- The days that anything can be asked of: from the first year of the business to the end of next year.
with days as (

    select day::date as date_day
    from generate_series(
        timestamp '2020-01-01',
        date_trunc('year', {{ as_of() }} at time zone 'UTC') + interval '2 years' - interval '1 day',
        interval '1 day'
    ) as day

),

final as (

    select
        date_day,
        date_trunc('month', date_day)::date as month_on,
        date_trunc('quarter', date_day)::date as quarter_on,
        date_trunc('year', date_day)::date as year_on
    from days

)

select * from final
