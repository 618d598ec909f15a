"""What a decision is about comes from the marts and the ledger, and policies add up.

Revision: 0009, after 0008. Amount, currency and content of an approval are those of the line at
that hash; a rejection of a line stops the approvals of all that it said before; a policy is lifted
only by one that names it.
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# Which build a decision was made from: `marts`, or one beside it under a prefix. Only whoever
# builds may create such a schema.
MARTS = r"""
create function ops.marts_schema() returns text language plpgsql stable
set search_path = pg_catalog, pg_temp as $$
declare
    marts text := coalesce(nullif(current_setting('billing.marts', true), ''), 'marts');
begin
    if marts !~ '^[a-z0-9_]*marts$' then
        raise exception 'billing.marts is "%": it names a schema of marts', marts
            using errcode = 'insufficient_privilege';
    end if;
    return marts;
end $$;

create function ops.currency_decimals(currency text) returns int
language sql immutable parallel safe
return case
    when upper(currency) in ('BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF',
        'UGX', 'UYI', 'VND', 'VUV', 'XAF', 'XOF', 'XPF') then 0
    when upper(currency) in ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND') then 3
    else 2
end;

-- JSON without numbers that a reader could take for floats, as the ledger keeps it.
create function ops.numbers_as_text(content jsonb) returns jsonb language sql immutable
return (
    select jsonb_object_agg(key, case
        when jsonb_typeof(value) = 'number' and key !~ '(_id|_number)$'
            then to_jsonb(value #>> '{}')
        else value
    end)
    from jsonb_each(content)
);
"""

# A credit that was asked for, as a line; a rejected one is as if it had never been asked for.
CREDIT_LINES = """
create view ops.credit_lines as
select
    asked.credit_id, keys.line_key,
    left(encode(sha256(convert_to(concat_ws('|', lines.partner_id, lines.currency,
        texts.description, -asked.amount, '[' || array_to_string(lines.tax_ids, ', ') || ']',
        lines.document_key), 'UTF8')), 'hex'), 32) as content_hash,
    lines.service, lines.subscription_id, lines.external_subscription_id, lines.partner_id,
    lines.currency, 'credit' as kind, lines.charge, lines.metric, lines.plan_code,
    texts.description, 1::numeric as quantity, -asked.amount as unit_price,
    -asked.amount as amount, lines.tax_ids, lines.segment_start, lines.service_period_start,
    lines.service_period_end, publications.billing_period_start, publications.billing_period_end,
    lines.service_period_start as corrects_period_start, asked.line_key as credits_line_key,
    lines.document_key as credits_document_key, lines.content as credited_content
from ops.credit_requests as asked
inner join ops.publication_lines as lines
    on asked.line_key = lines.line_key and lines.released_at is null
inner join ops.publications on lines.document_key = publications.document_key
cross join lateral (
    select left(encode(sha256(convert_to('credit:' || asked.credit_id, 'UTF8')), 'hex'), 32)
) as keys (line_key)
cross join lateral (
    select 'Credit: ' || lines.description || coalesce(' (' || nullif(asked.note, '') || ')', '')
) as texts (description)
where not exists (
    select from ops.line_approvals as said
    where said.decision = 'reject' and said.line_key = keys.line_key
);
"""

# Run with the rights of whoever decides: they may read the marts, the owner of ops need not.
LINE_CONTENT = """
create function ops.take_line_content() returns trigger language plpgsql
set search_path = pg_catalog, pg_temp set timezone = 'UTC' as $$
declare
    proposed record;
begin
    execute format('select line_key, amount, currency, to_jsonb(lines) as content'
        ' from %I.fct_invoice_lines as lines where line_key = $1 and content_hash = $2',
        ops.marts_schema()) into proposed using new.line_key, new.content_hash;
    if proposed.line_key is null then
        select line_key, amount, currency, (credited_content - 'content_hash')
            || (to_jsonb(lines) - 'credited_content') as content into proposed
        from ops.credit_lines as lines
        where line_key = new.line_key and content_hash = new.content_hash;
    end if;
    if proposed.line_key is null then
        raise exception 'line % does not say now what was decided about: look again', new.line_key
            using errcode = 'check_violation';
    end if;
    new.amount := proposed.amount;
    new.currency := proposed.currency;
    new.content := ops.numbers_as_text(proposed.content);
    if new.policy_version is not null and (new.decision <> 'approve' or not exists (
        select from ops.policies_in_force as policies
        where policies.policy_version = new.policy_version and policies.is_automatic
            and policies.currency = upper(new.currency)
            and (policies.service is null or policies.service = new.content ->> 'service')
    )) then
        raise exception 'policy % approves no such line', new.policy_version
            using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger take_content before insert on ops.line_approvals
    for each row execute function ops.take_line_content();
"""

OTHER_CONTENT = """
create function ops.verify_cause() returns trigger language plpgsql
set search_path = pg_catalog, pg_temp as $$
declare
    is_true boolean;
begin
    execute format('select exists (select from %I.fct_reconciliation_causes where service = $1'
        ' and external_subscription_id = $2 and period_start = $3 and cause = $4 and amount = $5'
        ' and currency = $6)', ops.marts_schema()) into is_true using new.service,
        new.external_subscription_id, new.period_start, new.cause, new.amount, new.currency;
    if not is_true then
        raise exception 'nothing says now that % explains % % of %:%: look again', new.cause,
            new.amount, new.currency, new.service, new.external_subscription_id
            using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger verify before insert on ops.cause_acceptances
    for each row execute function ops.verify_cause();

create function ops.verify_exception() returns trigger language plpgsql
set search_path = pg_catalog, pg_temp as $$
declare
    is_true boolean;
begin
    execute format('select exists (select from %I.fct_billing_exceptions where exception_key = $1'
        ' and facts_hash = $2)', ops.marts_schema())
        into is_true using new.exception_key, new.facts_hash;
    if not is_true then
        raise exception 'no exception % has these facts now: look again', new.exception_key
            using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger verify before insert on ops.exception_acknowledgements
    for each row execute function ops.verify_exception();

create function ops.verify_credit() returns trigger language plpgsql
set search_path = pg_catalog, pg_temp as $$
declare
    published record;
    credited numeric;
begin
    if current_setting('billing.adopts', true) <> '' and current_user = (
        select nspowner::regrole::text from pg_namespace where nspname = 'ops'
    ) then
        new.credit_id := current_setting('billing.adopts')::bigint;
        return new;
    end if;
    select lines.amount, lines.currency into published
    from ops.publication_lines as lines
    inner join ops.publications on lines.document_key = publications.document_key
    where lines.line_key = new.line_key and lines.released_at is null
        and publications.state = 'confirmed' and lines.kind <> 'credit';
    select coalesce(sum(-amount), 0) into credited
    from ops.credit_lines where credits_line_key = new.line_key;
    if published.amount is null or new.amount <= 0 or new.amount > published.amount - credited then
        raise exception 'line % has no % left to credit', new.line_key, new.amount
            using errcode = 'check_violation';
    end if;
    if scale(trim_scale(new.amount)) > ops.currency_decimals(published.currency) then
        raise exception '% is no amount of %', new.amount, published.currency
            using errcode = 'check_violation';
    end if;
    new.currency := published.currency;
    return new;
end $$;
create trigger verify before insert on ops.credit_requests
    for each row execute function ops.verify_credit();

-- After a restore: a request that Odoo still knows, under the number that makes its line's key.
create function ops.adopt_credit_request(
    number bigint, line_key text, amount numeric, currency text, note text
) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    if exists (select from ops.credit_requests where credit_id = number) then
        return;
    end if;
    perform set_config('billing.adopts', number::text, true);
    insert into ops.credit_requests (line_key, amount, currency, note)
    values (adopt_credit_request.line_key, adopt_credit_request.amount,
        adopt_credit_request.currency, adopt_credit_request.note);
    perform set_config('billing.adopts', '', true);
    perform setval(pg_get_serial_sequence('ops.credit_requests', 'credit_id'),
        (select max(credit_id) from ops.credit_requests));
end $$;
"""


def upgrade() -> None:
    """Content by lookup; the law of approvals is in 0010."""
    for block in (MARTS, CREDIT_LINES, LINE_CONTENT, OTHER_CONTENT):
        op.execute(block)


def downgrade() -> None:
    """Decisions and the ledger are kept: there is no way down."""
    raise NotImplementedError("ops is never narrowed: restore a backup instead")
