CREATE TABLE public.orders (id integer PRIMARY KEY, customer text, amount numeric(10, 2), doc jsonb, scan bytea, created_at timestamptz);
INSERT INTO public.orders
SELECT n, 'c' || n, n * 1.5, jsonb_build_object('b', n, 'a', '{}'::jsonb), decode(lpad(n::text, 4, '0'), 'hex'),
       timestamptz '2026-01-01 00:00:00+02' + n * interval '1 hour' FROM generate_series(1, 300) n;
