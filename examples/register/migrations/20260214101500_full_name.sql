-- The column `name` becomes `full_name`. Until no release knows the old one any more, a trigger keeps both the same, whoever
-- writes which.

-- expand
ALTER TABLE person ADD COLUMN full_name text;

CREATE FUNCTION person_names() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.full_name := coalesce(NEW.full_name, NEW.name);
        NEW.name := coalesce(NEW.name, NEW.full_name);
    ELSIF NEW.full_name IS DISTINCT FROM OLD.full_name THEN
        NEW.name := NEW.full_name;
    ELSE
        NEW.full_name := NEW.name;
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER person_names BEFORE INSERT OR UPDATE ON person
    FOR EACH ROW EXECUTE FUNCTION person_names();

-- backfill table=person key=id batch=1000 gate=switch
UPDATE person SET full_name = name WHERE full_name IS NULL;

-- contract
DROP TRIGGER person_names ON person;
DROP FUNCTION person_names();
ALTER TABLE person DROP COLUMN name;

-- down
DROP TRIGGER person_names ON person;
DROP FUNCTION person_names();
ALTER TABLE person DROP COLUMN full_name;

-- check
SELECT id FROM person WHERE full_name IS NULL;
