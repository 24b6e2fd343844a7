-- Customers and the domains that they bring. Whoever changes a domain, an application or psql, tells
-- all that listen: in the transaction, so that nobody is told of what is not there yet.

CREATE TABLE customers (name text PRIMARY KEY);

CREATE TABLE domains (
    domain text PRIMARY KEY,
    customer text NOT NULL REFERENCES customers ON DELETE CASCADE
);

CREATE FUNCTION tell_of_domain() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('domains_changed', coalesce(NEW.domain, OLD.domain));
    RETURN NULL;
END $$;

CREATE TRIGGER domains_changed AFTER INSERT OR DELETE ON domains
    FOR EACH ROW EXECUTE FUNCTION tell_of_domain();
