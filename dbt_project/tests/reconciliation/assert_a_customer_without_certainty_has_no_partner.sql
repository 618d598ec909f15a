-- Exists for the failure in which a guess pays the bill: only a certain rule may name a partner.
select
    service,
    external_customer_id,
    certainty,
    partner_id
from {{ ref('dim_customers') }}
where (partner_id is not null) <> (certainty in ('certain', 'high', 'medium'))
