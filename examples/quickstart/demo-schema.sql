-- The database of a small mail-order shop: three schemas, sixteen tables, four views, about 60,000 rows, all made by the
-- server itself and the same each time. No password stands here: whoever loads it gives demo_reader one.

SELECT setseed(0.42);

CREATE SCHEMA people;
COMMENT ON SCHEMA people IS 'Who works here';
CREATE SCHEMA inventory;
COMMENT ON SCHEMA inventory IS 'What is sold and where it lies';
CREATE SCHEMA sales;
COMMENT ON SCHEMA sales IS 'Who bought what, and what became of it';

-- people -------------------------------------------------------------------------------------------------------------

CREATE TABLE people.departments (
  id integer PRIMARY KEY,
  name text NOT NULL UNIQUE,
  cost_centre text NOT NULL
);
COMMENT ON TABLE people.departments IS 'Departments of the company';
COMMENT ON COLUMN people.departments.cost_centre IS 'Number in the accounts';
INSERT INTO people.departments
SELECT i, (ARRAY['Sales', 'Purchasing', 'Warehouse', 'Support', 'Finance', 'Technology', 'Marketing', 'Board'])[i],
       'CC-' || lpad((i * 10)::text, 4, '0')
  FROM generate_series(1, 8) AS i;

CREATE TABLE people.employees (
  id integer PRIMARY KEY,
  department_id integer NOT NULL REFERENCES people.departments,
  manager_id integer REFERENCES people.employees,
  full_name text NOT NULL,
  email text NOT NULL UNIQUE,
  hired_on date NOT NULL,
  left_on date,
  monthly_salary numeric(10, 2) NOT NULL
);
COMMENT ON TABLE people.employees IS 'Everybody who works here or once did';
COMMENT ON COLUMN people.employees.manager_id IS 'Empty for the board';
COMMENT ON COLUMN people.employees.left_on IS 'Empty while employed';
COMMENT ON COLUMN people.employees.monthly_salary IS 'Gross, in EUR';
INSERT INTO people.employees
SELECT i, 1 + i % 8, CASE WHEN i > 8 THEN 1 + i % 8 END,
       (ARRAY['Ada', 'Ben', 'Cleo', 'Dina', 'Emil', 'Fay', 'Gus', 'Hana', 'Ivo', 'Juno'])[1 + i % 10] || ' '
         || (ARRAY['Abel', 'Brandt', 'Costa', 'Duarte', 'Ekman', 'Fuchs', 'Grau', 'Holm', 'Ito', 'Jansen', 'Kaur'])[1 + i % 11],
       'employee' || i || '@shop.example', DATE '2015-01-01' + (random() * 3600)::int,
       CASE WHEN random() < 0.15 THEN DATE '2025-01-01' + (random() * 300)::int END, round((2600 + random() * 5200)::numeric, 2)
  FROM generate_series(1, 120) AS i;

CREATE TABLE people.shifts (
  id bigint PRIMARY KEY,
  employee_id integer NOT NULL REFERENCES people.employees,
  starts_at timestamptz NOT NULL,
  worked interval NOT NULL,
  note text
);
COMMENT ON TABLE people.shifts IS 'Time worked in the warehouse';
COMMENT ON COLUMN people.shifts.note IS 'Free text, seldom filled in';
INSERT INTO people.shifts
SELECT i, 1 + i % 120, TIMESTAMPTZ '2026-01-05 06:00+00' + (i % 200) * interval '1 day' + (i % 3) * interval '8 hours',
       interval '6 hours' + (random() * 150)::int * interval '1 minute', CASE WHEN random() < 0.04 THEN 'swapped' END
  FROM generate_series(1, 2000) AS i;

-- inventory ----------------------------------------------------------------------------------------------------------

CREATE TABLE inventory.categories (
  id integer PRIMARY KEY,
  parent_id integer REFERENCES inventory.categories,
  name text NOT NULL
);
COMMENT ON TABLE inventory.categories IS 'Tree of product categories';
INSERT INTO inventory.categories
SELECT i, CASE WHEN i > 4 THEN 1 + i % 4 END, 'Category ' || i FROM generate_series(1, 24) AS i;

CREATE TABLE inventory.suppliers (
  id integer PRIMARY KEY,
  name text NOT NULL,
  country char(2) NOT NULL,
  rating smallint CHECK (rating BETWEEN 1 AND 5),
  contract jsonb
);
COMMENT ON TABLE inventory.suppliers IS 'Where products are bought';
COMMENT ON COLUMN inventory.suppliers.country IS 'ISO 3166-1 alpha-2';
COMMENT ON COLUMN inventory.suppliers.contract IS 'Terms as agreed; the form varies';
INSERT INTO inventory.suppliers
SELECT i, 'Supplier ' || i, (ARRAY['PT', 'DE', 'SE', 'JP', 'IN', 'BR'])[1 + i % 6], CASE WHEN i % 7 <> 0 THEN 1 + i % 5 END,
       jsonb_build_object('days', 10 + i % 50, 'currency', 'EUR')
  FROM generate_series(1, 40) AS i;

CREATE TABLE inventory.products (
  id integer PRIMARY KEY,
  category_id integer NOT NULL REFERENCES inventory.categories,
  sku text NOT NULL UNIQUE,
  name text NOT NULL,
  price numeric(10, 2) NOT NULL CHECK (price > 0),
  weight_grams integer,
  tags text[] NOT NULL DEFAULT '{}',
  discontinued boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE inventory.products IS 'Everything that is or was sold';
COMMENT ON COLUMN inventory.products.sku IS 'Number on the label';
COMMENT ON COLUMN inventory.products.price IS 'Net, in EUR';
INSERT INTO inventory.products
SELECT i, 5 + i % 20, 'SKU-' || lpad(i::text, 6, '0'), 'Product ' || i, round((2 + random() * 180)::numeric, 2),
       CASE WHEN random() < 0.9 THEN (20 + random() * 5000)::int END,
       CASE WHEN i % 3 = 0 THEN ARRAY['seasonal'] ELSE '{}' END, random() < 0.08
  FROM generate_series(1, 600) AS i;

CREATE TABLE inventory.product_suppliers (
  product_id integer NOT NULL REFERENCES inventory.products,
  supplier_id integer NOT NULL REFERENCES inventory.suppliers,
  cost numeric(10, 2) NOT NULL,
  PRIMARY KEY (product_id, supplier_id)
);
COMMENT ON TABLE inventory.product_suppliers IS 'Which supplier delivers which product';
INSERT INTO inventory.product_suppliers
SELECT 1 + i % 600, 1 + (i / 600 * 17 + i) % 40, round((1 + random() * 90)::numeric, 2) FROM generate_series(0, 899) AS i;

CREATE TABLE inventory.warehouses (
  id integer PRIMARY KEY,
  name text NOT NULL,
  city text NOT NULL,
  manager_id integer REFERENCES people.employees
);
COMMENT ON TABLE inventory.warehouses IS 'Places where products lie';
INSERT INTO inventory.warehouses
SELECT i, 'Warehouse ' || i, (ARRAY['Porto', 'Lyon', 'Graz', 'Gdańsk', 'Turku', 'Cork'])[i], 8 + i FROM generate_series(1, 6) AS i;

CREATE TABLE inventory.stock_levels (
  warehouse_id integer NOT NULL REFERENCES inventory.warehouses,
  product_id integer NOT NULL REFERENCES inventory.products,
  quantity integer NOT NULL CHECK (quantity >= 0),
  counted_at timestamptz,
  PRIMARY KEY (warehouse_id, product_id)
);
COMMENT ON TABLE inventory.stock_levels IS 'How much lies where';
COMMENT ON COLUMN inventory.stock_levels.counted_at IS 'Last stocktaking; empty if there was none';
INSERT INTO inventory.stock_levels
SELECT w, p, (random() * 400)::int, CASE WHEN random() < 0.6 THEN TIMESTAMPTZ '2026-06-30 18:00+00' END
  FROM generate_series(1, 6) AS w, generate_series(1, 600) AS p;

CREATE TABLE inventory.stock_movements (
  id bigint PRIMARY KEY,
  warehouse_id integer NOT NULL,
  product_id integer NOT NULL,
  quantity integer NOT NULL,
  moved_at timestamptz NOT NULL,
  FOREIGN KEY (warehouse_id, product_id) REFERENCES inventory.stock_levels
);
COMMENT ON TABLE inventory.stock_movements IS 'Every change of a stock level; negative for goods that left';
INSERT INTO inventory.stock_movements
SELECT i, 1 + i % 6, 1 + i % 600, (random() * 40)::int - 20, TIMESTAMPTZ '2026-01-01 00:00+00' + i * interval '50 minutes'
  FROM generate_series(1, 5000) AS i;

-- sales --------------------------------------------------------------------------------------------------------------

CREATE TABLE sales.customers (
  id integer PRIMARY KEY,
  public_id uuid NOT NULL UNIQUE,
  full_name text NOT NULL,
  email text,
  phone text,
  newsletter boolean NOT NULL,
  created_at timestamptz NOT NULL
);
COMMENT ON TABLE sales.customers IS 'People who have an account';
COMMENT ON COLUMN sales.customers.public_id IS 'The id that others may see';
COMMENT ON COLUMN sales.customers.email IS 'Empty after the account was erased';
INSERT INTO sales.customers
SELECT i, md5('customer ' || i)::uuid,
       (ARRAY['Rui', 'Sofia', 'Tove', 'Uma', 'Vito', 'Wanda', 'Xavi', 'Yuki', 'Zoe'])[1 + i % 9] || ' Customer ' || i,
       CASE WHEN random() < 0.97 THEN 'customer' || i || '@mail.example' END, CASE WHEN random() < 0.4 THEN '+351 210 ' || i END,
       random() < 0.3, TIMESTAMPTZ '2022-01-01 00:00+00' + (random() * 1700) * interval '1 day'
  FROM generate_series(1, 4000) AS i;

CREATE TABLE sales.addresses (
  id integer PRIMARY KEY,
  customer_id integer NOT NULL REFERENCES sales.customers,
  street text NOT NULL,
  postal_code text NOT NULL,
  city text NOT NULL,
  country char(2) NOT NULL
);
COMMENT ON TABLE sales.addresses IS 'Where parcels go';
INSERT INTO sales.addresses
SELECT i, 1 + i % 4000, 'Street ' || i % 900, lpad((random() * 99999)::int::text, 5, '0'), 'City ' || i % 150,
       (ARRAY['PT', 'ES', 'FR', 'DE', 'SE'])[1 + i % 5]
  FROM generate_series(1, 5000) AS i;

CREATE TYPE sales.order_state AS ENUM ('open', 'paid', 'shipped', 'delivered', 'returned');

CREATE TABLE sales.orders (
  id bigint PRIMARY KEY,
  customer_id integer NOT NULL REFERENCES sales.customers,
  address_id integer NOT NULL REFERENCES sales.addresses,
  state sales.order_state NOT NULL,
  ordered_at timestamptz NOT NULL,
  shipped_at timestamptz,
  handled_by integer REFERENCES people.employees
);
COMMENT ON TABLE sales.orders IS 'Orders of all channels';
COMMENT ON COLUMN sales.orders.shipped_at IS 'Empty until the parcel has left';
INSERT INTO sales.orders
SELECT i, 1 + i % 4000, 1 + i % 5000, (enum_range(NULL::sales.order_state))[1 + i % 5], at,
       CASE WHEN i % 5 >= 2 THEN at + interval '1 day' END, CASE WHEN random() < 0.5 THEN 1 + i % 120 END
  FROM (SELECT i, TIMESTAMPTZ '2025-01-01 00:00+00' + i * interval '1 hour' AS at FROM generate_series(1, 8000) AS i) AS made;

CREATE TABLE sales.order_items (
  order_id bigint NOT NULL REFERENCES sales.orders,
  line smallint NOT NULL,
  product_id integer NOT NULL REFERENCES inventory.products,
  quantity smallint NOT NULL CHECK (quantity > 0),
  unit_price numeric(10, 2) NOT NULL,
  PRIMARY KEY (order_id, line)
);
COMMENT ON TABLE sales.order_items IS 'What was ordered';
COMMENT ON COLUMN sales.order_items.unit_price IS 'Price at the time of the order, net, in EUR';
INSERT INTO sales.order_items
SELECT o, l, 1 + (o * 7 + l * 131) % 600, 1 + (random() * 4)::int, round((2 + random() * 180)::numeric, 2)
  FROM generate_series(1, 8000) AS o, generate_series(1, 3) AS l;

CREATE TABLE sales.payments (
  id bigint PRIMARY KEY,
  order_id bigint NOT NULL UNIQUE REFERENCES sales.orders,
  method text NOT NULL,
  amount numeric(12, 2) NOT NULL,
  paid_at timestamptz
);
COMMENT ON TABLE sales.payments IS 'One payment for each order that is not open';
INSERT INTO sales.payments
SELECT id, id, (ARRAY['card', 'transfer', 'invoice'])[1 + (id % 3)::int], round((5 + random() * 600)::numeric, 2),
       CASE WHEN random() < 0.95 THEN ordered_at + interval '3 hours' END
  FROM sales.orders WHERE state <> 'open';

CREATE TABLE sales.reviews (
  id integer PRIMARY KEY,
  customer_id integer NOT NULL REFERENCES sales.customers,
  product_id integer NOT NULL REFERENCES inventory.products,
  stars smallint NOT NULL CHECK (stars BETWEEN 1 AND 5),
  body text,
  written_at timestamptz NOT NULL
);
COMMENT ON TABLE sales.reviews IS 'What customers think of products';
COMMENT ON COLUMN sales.reviews.body IS 'Most give stars only';
INSERT INTO sales.reviews
SELECT i, 1 + (i * 13) % 4000, 1 + (i * 29) % 600, 1 + (random() * 4)::int, CASE WHEN random() < 0.3 THEN 'As expected.' END,
       TIMESTAMPTZ '2025-03-01 00:00+00' + i * interval '3 hours'
  FROM generate_series(1, 2500) AS i;

CREATE VIEW sales.order_totals AS
SELECT o.id AS order_id, o.customer_id, o.ordered_at, sum(i.quantity * i.unit_price) AS total
  FROM sales.orders o JOIN sales.order_items i ON i.order_id = o.id
 GROUP BY o.id;
COMMENT ON VIEW sales.order_totals IS 'Net total of each order';

CREATE VIEW sales.customer_value AS
SELECT c.id AS customer_id, count(t.order_id) AS orders, coalesce(sum(t.total), 0) AS total
  FROM sales.customers c LEFT JOIN sales.order_totals t ON t.customer_id = c.id
 GROUP BY c.id;
COMMENT ON VIEW sales.customer_value IS 'What each customer has bought so far';

CREATE VIEW inventory.low_stock AS
SELECT w.city, p.sku, s.quantity
  FROM inventory.stock_levels s
  JOIN inventory.warehouses w ON w.id = s.warehouse_id
  JOIN inventory.products p ON p.id = s.product_id
 WHERE s.quantity < 10 AND NOT p.discontinued;
COMMENT ON VIEW inventory.low_stock IS 'Products that run out soon';

CREATE MATERIALIZED VIEW sales.revenue_by_month AS
SELECT date_trunc('month', ordered_at) AS month, count(*) AS orders, sum(total) AS revenue
  FROM sales.order_totals GROUP BY 1;
COMMENT ON MATERIALIZED VIEW sales.revenue_by_month IS 'Refreshed once a night';

-- who may read it ----------------------------------------------------------------------------------------------------

DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'demo_reader') THEN CREATE ROLE demo_reader LOGIN; END IF;
END $$;
GRANT USAGE ON SCHEMA people, inventory, sales TO demo_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA people, inventory, sales TO demo_reader;

ANALYZE;
