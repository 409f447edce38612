/** Who calls. */
export interface Caller {
  /** Whose data the caller may see. */
  readonly tenant: string;
  readonly scopes: ReadonlySet<string> | 'all';
}
