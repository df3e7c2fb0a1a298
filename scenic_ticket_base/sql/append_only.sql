-- What happened is a fact: no role, not even the owner of the database, changes or
-- removes one by a statement. A table gets its triggers from scenic_append_only_on().
CREATE OR REPLACE FUNCTION scenic_append_only() RETURNS trigger
LANGUAGE plpgsql AS $function$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation';
END
$function$;

-- ENABLE ALWAYS keeps the triggers at work in sessions that replay replication, too.
CREATE OR REPLACE FUNCTION scenic_append_only_on(p_table regclass) RETURNS void
LANGUAGE plpgsql AS $function$
BEGIN
    EXECUTE format('DROP TRIGGER IF EXISTS append_only_rows ON %s', p_table);
    EXECUTE format(
        'CREATE TRIGGER append_only_rows BEFORE UPDATE OR DELETE ON %s '
        'FOR EACH ROW EXECUTE FUNCTION scenic_append_only()', p_table
    );
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER append_only_rows', p_table);
    EXECUTE format('DROP TRIGGER IF EXISTS append_only_table ON %s', p_table);
    EXECUTE format(
        'CREATE TRIGGER append_only_table BEFORE TRUNCATE ON %s '
        'FOR EACH STATEMENT EXECUTE FUNCTION scenic_append_only()', p_table
    );
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER append_only_table', p_table);
END
$function$;
