select id, quantity from public.given
