-- expand
CREATE TABLE person (
    id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL
);

-- down
DROP TABLE person;
