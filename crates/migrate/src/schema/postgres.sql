-- The whole schema in one question, from the catalog: kind, name, rank, line. Rank 2 is a text whose lines have an order; all other
-- lines have none. What belongs to an extension is the extension's. `LEFT_OUT` is replaced by an array of tables' names.
-- Not there: owners and tablespaces (a copy has others), operators, casts and access methods.
WITH namespace AS MATERIALIZED (
    SELECT * FROM pg_namespace
    WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'bascule', 'bascule_shadow')
),
extended AS MATERIALIZED (SELECT classid, objid FROM pg_depend WHERE deptype = 'e'),
hidden AS MATERIALIZED (
    SELECT c.oid FROM pg_class c JOIN namespace n ON n.oid = c.relnamespace
    WHERE c.relname = ANY (LEFT_OUT) OR n.nspname || '.' || c.relname = ANY (LEFT_OUT)
),
relation AS MATERIALIZED (
    SELECT c.*, format('%I.%I', n.nspname, c.relname) AS name,
        CASE WHEN relkind IN ('r', 'p', 'f') THEN 'table' WHEN relkind = 'v' THEN 'view'
            WHEN relkind = 'm' THEN 'materialized view' WHEN relkind = 'S' THEN 'sequence' ELSE 'type' END AS kind
    FROM pg_class c JOIN namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm', 'S', 'c')
        AND (c.oid, 'pg_class'::regclass) NOT IN (SELECT objid, classid FROM extended)
        AND c.oid NOT IN (SELECT oid FROM hidden)
        AND NOT EXISTS (
            SELECT FROM pg_depend d JOIN hidden h ON h.oid = d.refobjid
            WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_class'::regclass
                AND d.deptype IN ('a', 'i')
        )
),
routine AS MATERIALIZED (
    SELECT p.*, format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) AS name
    FROM pg_proc p JOIN namespace n ON n.oid = p.pronamespace
    WHERE (p.oid, 'pg_proc'::regclass) NOT IN (SELECT objid, classid FROM extended)
),
type AS MATERIALIZED (
    SELECT t.*, format('%I.%I', n.nspname, t.typname) AS name
    FROM pg_type t JOIN namespace n ON n.oid = t.typnamespace
    WHERE t.typtype IN ('e', 'd', 'r') AND (t.oid, 'pg_type'::regclass) NOT IN (SELECT objid, classid FROM extended)
),
child AS MATERIALIZED (
    SELECT 'pg_constraint'::regclass AS classid, c.oid AS objid, 'constraint' AS kind, format('%s.%I', r.name, c.conname) AS name,
        pg_get_constraintdef(c.oid, true) AS line
    FROM pg_constraint c JOIN relation r ON r.oid = c.conrelid
    WHERE c.contype <> 't' AND NOT (c.contype = 'n' AND c.convalidated)
    UNION ALL
    SELECT 'pg_class'::regclass, i.indexrelid, 'index', format('%s.%I', r.name, x.relname),
        pg_get_indexdef(i.indexrelid) || CASE WHEN i.indisvalid THEN '' ELSE ' INVALID' END
            || CASE WHEN i.indisclustered THEN ' CLUSTERED' ELSE '' END
            || CASE WHEN i.indisreplident THEN ' REPLICA IDENTITY' ELSE '' END
    FROM pg_index i JOIN relation r ON r.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid
    WHERE NOT i.indisvalid
        OR NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid AND c.contype IN ('p', 'u', 'x'))
    UNION ALL
    SELECT 'pg_trigger'::regclass, t.oid, 'trigger', format('%s.%I', r.name, t.tgname),
        pg_get_triggerdef(t.oid, true) || CASE t.tgenabled WHEN 'O' THEN '' WHEN 'D' THEN ' DISABLED'
            WHEN 'R' THEN ' ENABLED ON REPLICAS' ELSE ' ENABLED ALWAYS' END
    FROM pg_trigger t JOIN relation r ON r.oid = t.tgrelid
    WHERE NOT t.tgisinternal
    UNION ALL
    SELECT 'pg_rewrite'::regclass, w.oid, 'rule', format('%s.%I', r.name, w.rulename), pg_get_ruledef(w.oid, true)
    FROM pg_rewrite w JOIN relation r ON r.oid = w.ev_class
    WHERE w.rulename <> '_RETURN'
    UNION ALL
    SELECT 'pg_policy'::regclass, p.oid, 'policy', format('%s.%I', r.name, p.polname),
        CASE WHEN p.polpermissive THEN 'permissive' ELSE 'restrictive' END
            || ' for ' || CASE p.polcmd WHEN 'r' THEN 'select' WHEN 'a' THEN 'insert' WHEN 'w' THEN 'update'
                WHEN 'd' THEN 'delete' ELSE 'all' END
            || ' to ' || (SELECT string_agg(CASE WHEN o = 0 THEN 'public' ELSE pg_get_userbyid(o)::text END, ', ' ORDER BY o)
                FROM unnest(p.polroles) o)
            || COALESCE(' using ' || pg_get_expr(p.polqual, p.polrelid), '')
            || COALESCE(' with check ' || pg_get_expr(p.polwithcheck, p.polrelid), '')
    FROM pg_policy p JOIN relation r ON r.oid = p.polrelid
    UNION ALL
    SELECT 'pg_statistic_ext'::regclass, s.oid, 'statistics', format('%s.%I', r.name, s.stxname), pg_get_statisticsobjdef(s.oid)
    FROM pg_statistic_ext s JOIN relation r ON r.oid = s.stxrelid
),
object AS MATERIALIZED (
    SELECT 'pg_class'::regclass AS classid, oid AS objid, kind, name,
        CASE relkind WHEN 'S' THEN 's' ELSE 'r' END AS acltype, CASE WHEN relkind <> 'c' THEN relacl END AS acl, relowner AS owner
    FROM relation WHERE relkind <> 'c'
    UNION ALL
    SELECT 'pg_proc'::regclass, oid, 'function', name, 'f', proacl, proowner FROM routine
    UNION ALL
    SELECT 'pg_type'::regclass, oid, 'type', name, 'T', typacl, typowner FROM type
    UNION ALL
    SELECT 'pg_type'::regclass, t.oid, 'type', r.name, 'T', t.typacl, t.typowner
    FROM relation r JOIN pg_type t ON t.oid = r.reltype WHERE r.relkind = 'c'
    UNION ALL
    SELECT 'pg_namespace'::regclass, oid, 'schema', quote_ident(nspname), 'n', nspacl, nspowner FROM namespace
        WHERE (oid, 'pg_namespace'::regclass) NOT IN (SELECT objid, classid FROM extended)
    UNION ALL
    SELECT classid, objid, kind, name, 'r', NULL, 0 FROM child
),
held AS (
    SELECT kind, name, '' AS part, acltype::"char", acl, owner FROM object WHERE acl IS NOT NULL
    UNION ALL
    SELECT r.kind, r.name, format(' (%I)', a.attname), 'c', a.attacl, r.relowner
    FROM relation r JOIN pg_attribute a ON a.attrelid = r.oid WHERE a.attacl IS NOT NULL AND NOT a.attisdropped
)
SELECT 'schema' AS kind, name, 0 AS rank, 'schema' AS line FROM object WHERE kind = 'schema'
UNION ALL
SELECT 'extension', quote_ident(e.extname), 0, format('version %s in %I', e.extversion, n.nspname)
FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
UNION ALL
-- Tables.
SELECT kind, name, 0, CASE relkind WHEN 'p' THEN 'partitioned by ' || pg_get_partkeydef(oid)
    WHEN 'f' THEN (SELECT format('foreign of %I %s', s.srvname, f.ftoptions) FROM pg_foreign_table f JOIN pg_foreign_server s
        ON s.oid = f.ftserver WHERE f.ftrelid = relation.oid)
    ELSE 'table' END || CASE relpersistence WHEN 'u' THEN ', unlogged' ELSE '' END
FROM relation WHERE kind = 'table'
UNION ALL
SELECT r.kind, r.name, 0, CASE WHEN r.relispartition THEN format('partition of %s %s', i.inhparent::regclass,
    pg_get_expr(r.relpartbound, r.oid)) ELSE 'inherits ' || i.inhparent::regclass END
FROM relation r JOIN pg_inherits i ON i.inhrelid = r.oid WHERE r.kind = 'table'
UNION ALL
SELECT kind, name, 0, 'with (' || array_to_string(reloptions, ', ') || ')' FROM relation WHERE reloptions IS NOT NULL
UNION ALL
SELECT kind, name, 0, 'row level security' FROM relation WHERE relrowsecurity
UNION ALL
SELECT kind, name, 0, 'row level security for its owner too' FROM relation WHERE relforcerowsecurity
UNION ALL
SELECT kind, name, 0, 'replica identity ' || CASE relreplident WHEN 'f' THEN 'full' WHEN 'n' THEN 'nothing' ELSE 'by index' END
FROM relation WHERE kind = 'table' AND relreplident <> 'd'
UNION ALL
SELECT r.kind, r.name, 1, format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod))
    || CASE WHEN a.attcollation NOT IN (0, t.typcollation) THEN ' collate '
        || (SELECT format('%I.%I', n.nspname, c.collname) FROM pg_collation c JOIN pg_namespace n ON n.oid = c.collnamespace
            WHERE c.oid = a.attcollation) ELSE '' END
    || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END
    || CASE a.attidentity WHEN 'a' THEN ' identity always' WHEN 'd' THEN ' identity by default' ELSE '' END
    || CASE WHEN d.adbin IS NULL THEN '' WHEN a.attgenerated = 's'
        THEN format(' generated as (%s) stored', pg_get_expr(d.adbin, d.adrelid))
        WHEN a.attgenerated = 'v' THEN format(' generated as (%s) virtual', pg_get_expr(d.adbin, d.adrelid))
        ELSE ' default ' || pg_get_expr(d.adbin, d.adrelid) END
    || CASE WHEN a.attstorage <> t.typstorage THEN ' storage ' || a.attstorage::text ELSE '' END
    || CASE WHEN COALESCE(to_jsonb(a) ->> 'attcompression', '') <> '' THEN ' compression ' || (to_jsonb(a) ->> 'attcompression') ELSE '' END
    || CASE WHEN COALESCE(a.attstattarget, -1) >= 0 THEN ' statistics ' || a.attstattarget ELSE '' END
    || CASE WHEN a.attoptions IS NOT NULL THEN ' with (' || array_to_string(a.attoptions, ', ') || ')' ELSE '' END
    || CASE WHEN a.attislocal THEN '' ELSE ' inherited' END
FROM relation r JOIN pg_attribute a ON a.attrelid = r.oid JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE (r.kind = 'table' OR r.relkind = 'c') AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL
-- Views.
SELECT kind, name, 2, pg_get_viewdef(oid, true) FROM relation WHERE relkind IN ('v', 'm')
UNION ALL
SELECT kind, name, 0, 'not filled' FROM relation WHERE relkind = 'm' AND NOT relispopulated
UNION ALL
-- Sequences.
SELECT r.kind, r.name, 0, format('%s start %s increment %s minimum %s maximum %s cache %s', format_type(s.seqtypid, NULL), s.seqstart,
    s.seqincrement, s.seqmin, s.seqmax, s.seqcache) || CASE WHEN s.seqcycle THEN ' cycle' ELSE '' END
FROM relation r JOIN pg_sequence s ON s.seqrelid = r.oid
UNION ALL
SELECT r.kind, r.name, 0, format('owned by %s.%I', d.refobjid::regclass, a.attname)
FROM relation r JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass
    AND d.deptype IN ('a', 'i') JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
WHERE r.relkind = 'S'
UNION ALL
-- What tables have.
SELECT kind, name, 0, line FROM child
UNION ALL
-- Functions, procedures, aggregates.
SELECT 'function', name, 2, pg_get_functiondef(oid) FROM routine WHERE prokind <> 'a'
UNION ALL
SELECT 'function', r.name, 0, format('aggregate by %s over %s, at the end %s, from %s', a.aggtransfn, format_type(a.aggtranstype, NULL),
    a.aggfinalfn, COALESCE(quote_literal(a.agginitval), 'null'))
FROM routine r JOIN pg_aggregate a ON a.aggfnoid = r.oid WHERE r.prokind = 'a'
UNION ALL
-- Types.
SELECT 'type', t.name, 0, 'enum (' || COALESCE((SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder)
    FROM pg_enum e WHERE e.enumtypid = t.oid), '') || ')'
FROM type t WHERE t.typtype = 'e'
UNION ALL
SELECT 'type', t.name, 0, 'domain of ' || format_type(t.typbasetype, t.typtypmod) || CASE WHEN t.typnotnull THEN ' not null' ELSE '' END
    || COALESCE(' default ' || t.typdefault, '')
    || CASE WHEN t.typcollation NOT IN (0, b.typcollation) THEN ' collate ' || t.typcollation::regcollation ELSE '' END
FROM type t JOIN pg_type b ON b.oid = t.typbasetype WHERE t.typtype = 'd'
UNION ALL
SELECT 'type', t.name, 1, format('constraint %I %s', c.conname, pg_get_constraintdef(c.oid, true))
FROM type t JOIN pg_constraint c ON c.contypid = t.oid WHERE NOT (c.contype = 'n' AND c.convalidated)
UNION ALL
SELECT 'type', t.name, 0, 'range of ' || format_type(r.rngsubtype, NULL) FROM type t JOIN pg_range r ON r.rngtypid = t.oid
UNION ALL
SELECT 'type', name, 0, 'composite' FROM relation WHERE relkind = 'c'
UNION ALL
SELECT 'collation', format('%I.%I', n.nspname, c.collname), 0, format('provider %s, %s', c.collprovider, COALESCE(c.collcollate,
    to_jsonb(c) ->> 'colliculocale', to_jsonb(c) ->> 'colllocale'))
FROM pg_collation c JOIN namespace n ON n.oid = c.collnamespace
WHERE (c.oid, 'pg_collation'::regclass) NOT IN (SELECT objid, classid FROM extended)
UNION ALL
SELECT 'text search', format('%I.%I', n.nspname, c.cfgname), 0, 'parser ' || (SELECT prsname FROM pg_ts_parser WHERE oid = c.cfgparser)
    || COALESCE((SELECT ', ' || string_agg(m.maptokentype || ' ' || m.mapdict::regdictionary, ', ' ORDER BY m.maptokentype, m.mapseqno)
        FROM pg_ts_config_map m WHERE m.mapcfg = c.oid), '')
FROM pg_ts_config c JOIN namespace n ON n.oid = c.cfgnamespace
WHERE (c.oid, 'pg_ts_config'::regclass) NOT IN (SELECT objid, classid FROM extended)
UNION ALL
SELECT 'text search', format('%I.%I', n.nspname, d.dictname), 0, format('dictionary %s %s',
    (SELECT tmplname FROM pg_ts_template WHERE oid = d.dicttemplate), d.dictinitoption)
FROM pg_ts_dict d JOIN namespace n ON n.oid = d.dictnamespace
WHERE (d.oid, 'pg_ts_dict'::regclass) NOT IN (SELECT objid, classid FROM extended)
UNION ALL
-- What belongs to the whole database.
SELECT 'event trigger', quote_ident(evtname), 0, format('on %s run %s%s%s', evtevent, evtfoid::regprocedure,
    COALESCE(' when ' || array_to_string(evttags, ', '), ''), CASE evtenabled WHEN 'O' THEN '' ELSE ', state ' || evtenabled::text END)
FROM pg_event_trigger WHERE (oid, 'pg_event_trigger'::regclass) NOT IN (SELECT objid, classid FROM extended)
UNION ALL
SELECT 'publication', quote_ident(pubname), 0, format('all tables %s, insert %s, update %s, delete %s, truncate %s', puballtables, pubinsert,
    pubupdate, pubdelete, pubtruncate) FROM pg_publication
UNION ALL
SELECT 'publication', quote_ident(p.pubname), 1, 'table ' || r.prrelid::regclass
FROM pg_publication p JOIN pg_publication_rel r ON r.prpubid = p.oid
UNION ALL
SELECT 'foreign server', quote_ident(s.srvname), 0, format('of %s %s', w.fdwname, s.srvoptions)
FROM pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw
UNION ALL
SELECT 'default privileges', format('%s%s', pg_get_userbyid(d.defaclrole), COALESCE(' in ' || quote_ident(n.nspname), '')), 1,
    format('%s on %s to %s%s', x.privilege_type, d.defaclobjtype, CASE x.grantee WHEN 0 THEN 'public' ELSE pg_get_userbyid(x.grantee)::text END,
        CASE WHEN x.is_grantable THEN ' with grant option' ELSE '' END)
FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace CROSS JOIN LATERAL (
    SELECT grantee, privilege_type, is_grantable FROM aclexplode(d.defaclacl)
    EXCEPT SELECT grantee, privilege_type, is_grantable
    FROM aclexplode(acldefault(CASE d.defaclobjtype WHEN 'S' THEN 's' ELSE d.defaclobjtype END, d.defaclrole))
) x
UNION ALL
-- Comments and grants, of whatever has them.
SELECT o.kind, o.name, 3, 'comment ' || quote_literal(d.description)
FROM object o JOIN pg_description d ON d.classoid = o.classid AND d.objoid = o.objid AND d.objsubid = 0
UNION ALL
SELECT 'type', t.name, 3, format('comment on %I ', c.conname) || quote_literal(d.description)
FROM type t JOIN pg_constraint c ON c.contypid = t.oid
    JOIN pg_description d ON d.classoid = 'pg_constraint'::regclass AND d.objoid = c.oid
UNION ALL
SELECT r.kind, r.name, 3, format('comment on %I ', a.attname) || quote_literal(d.description)
FROM relation r JOIN pg_attribute a ON a.attrelid = r.oid
    JOIN pg_description d ON d.classoid = 'pg_class'::regclass AND d.objoid = r.oid AND d.objsubid = a.attnum
WHERE a.attnum > 0
UNION ALL
SELECT kind, name, 4, format('grant %s%s to %s%s', x.privilege_type, part, CASE x.grantee WHEN 0 THEN 'public' WHEN owner THEN 'owner'
    ELSE pg_get_userbyid(x.grantee)::text END, CASE WHEN x.is_grantable THEN ' with grant option' ELSE '' END)
FROM held CROSS JOIN LATERAL (
    SELECT grantee, privilege_type, is_grantable FROM aclexplode(acl)
    EXCEPT SELECT grantee, privilege_type, is_grantable FROM aclexplode(acldefault(acltype, owner))
) x
UNION ALL
SELECT kind, name, 4, format('no %s%s for %s', x.privilege_type, part, CASE x.grantee WHEN 0 THEN 'public' ELSE 'owner' END)
FROM held CROSS JOIN LATERAL (
    SELECT grantee, privilege_type FROM aclexplode(acldefault(acltype, owner))
    EXCEPT SELECT grantee, privilege_type FROM aclexplode(acl)
) x
