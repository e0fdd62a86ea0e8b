-- The table of table.yaml: 10,000 invoices with gaps in their ids. Every hundredth has no body yet, and becomes a reject.
CREATE TABLE public.invoices (
    id     bigint PRIMARY KEY,
    issued date   NOT NULL,
    body   jsonb
);

INSERT INTO public.invoices (id, issued, body)
SELECT n * 3,
       date '2024-01-01' + (n % 365)::int,
       CASE WHEN n % 100 <> 0 THEN jsonb_build_object('invoice', n * 3, 'amount', n % 977, 'currency', 'EUR') END
FROM generate_series(1, 10000) AS n;

-- On Kubernetes workers read it with the login of their Secret. This is the permission to sign it in the namespace default:
-- GRANT SELECT ON public.invoices TO vs_default;
