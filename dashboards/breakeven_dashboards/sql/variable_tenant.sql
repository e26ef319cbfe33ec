-- Tenants, the dearest first. Only rows by tenant know it, and these know no environment.
<names: tenant, (none), tenant_day> AND <chosen: project, feature, model>
<dearest_first>
