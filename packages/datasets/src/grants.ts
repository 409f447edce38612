/**
 * What the application's role may do, as SQL: read and write what is in `stowage`, and own `dataset_rows`, in which it
 * makes and drops a table a dataset. The tables of `stowage` stay the migrations'.
 *
 * @param role its name, quoted
 */
export function applicationGrants(role: string): string[] {
  return [
    `GRANT USAGE ON SCHEMA stowage TO ${role}`,
    `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA stowage TO ${role}`,
    `ALTER SCHEMA dataset_rows OWNER TO ${role}`,
  ];
}
