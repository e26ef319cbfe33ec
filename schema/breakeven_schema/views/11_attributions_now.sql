-- Whose dollars, by the declarations that were loaded last. A version is named in attribution_versions only after all its
-- rows are there, so none is read half-written.
CREATE OR REPLACE VIEW attributions_now AS
SELECT project, feature, feature_source, origin_id, environment, valid_from, parts, rule
FROM attributions FINAL
WHERE version = (SELECT argMax(version, loaded_at) FROM attribution_versions)
