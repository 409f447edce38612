import { readFileSync } from 'node:fs';

const FILE = 'infra/acknowledgements.json';

/** What finds something; its rules are named `<Check>-<what>`. */
export const CHECKS = ['AwsSolutions', 'LeastPrivilege'] as const;

export type Check = (typeof CHECKS)[number];

/** What a check has to say against a resource of a template. */
export interface Finding {
  /** The check's rule, such as `AwsSolutions-IAM5` or `LeastPrivilege-Unused`. */
  rule: string;
  /** A template of `infra/`, without `.yml`. */
  template: string;
  /** The resource's logical id. */
  resource: string;
  /** Which of several that the rule may find in one resource, such as `Resource::*` or `s3:GetObject`. */
  finding?: string;
}

/** A finding that is right as it is, and why. */
export interface Acknowledgement extends Finding {
  reason: string;
}

/** As the file has them: findings of one rule in one resource that are right for one reason. */
interface Entry {
  rule: string;
  template: string;
  resource: string;
  findings?: string[];
  reason: string;
}

/** Every acknowledged finding of `infra/acknowledgements.json`. */
export function readAcknowledgements(): Acknowledgement[] {
  const text = readFileSync(new URL(`../../${FILE}`, import.meta.url), 'utf8');
  return (JSON.parse(text) as Entry[]).flatMap(({ findings, ...entry }): Acknowledgement[] =>
    findings ? findings.map((finding) => Object.assign({ finding }, entry)) : [entry],
  );
}

/**
 * Holds what a check found against what is acknowledged.
 *
 * @param findings everything that the check finds in every template, acknowledged or not
 * @param describe says more about a finding, for the message
 * @returns a problem for each finding that nobody acknowledged, with the entry to write, and for each acknowledgement
 *   of something that is not found any more
 */
export function unresolved<F extends Finding>(
  check: Check,
  findings: readonly F[],
  describe: (finding: F) => string = () => '',
): string[] {
  const acknowledged = new Map(
    readAcknowledgements()
      .filter(({ rule }) => rule.startsWith(`${check}-`))
      .map((entry) => [keyOf(entry), entry]),
  );
  const found = new Map(findings.map((finding) => [keyOf(finding), finding]));
  const missing = [...found].filter(([key]) => !acknowledged.has(key)).map(([, finding]) => finding);
  const stale = [...acknowledged].filter(([key]) => !found.has(key)).map(([, entry]) => entry);
  return [
    ...entriesFor(missing).map(([entry, [first]]) => {
      const reason = `${first ? describe(first) : ''} Mend it, or write in ${FILE} why it is right:`;
      return `${reason.trim()} ${JSON.stringify({ ...entry, reason: '' })}`;
    }),
    ...entriesFor(stale).map(
      ([entry]) => `not found any more, remove from ${FILE}: ${JSON.stringify(entry)}`,
    ),
  ];
}

/** Findings of one rule in one resource go into one entry. */
function entriesFor<F extends Finding>(findings: readonly F[]): [Omit<Entry, 'reason'>, F[]][] {
  const groups = Map.groupBy(findings, ({ rule, template, resource }) => keyOf({ rule, template, resource }));
  return [...groups].map(([key, members]) => {
    const named = members.flatMap(({ finding }) => (finding === undefined ? [] : [finding]));
    return [{ ...(JSON.parse(key) as Finding), ...(named.length > 0 ? { findings: named } : {}) }, members];
  });
}

function keyOf({ rule, template, resource, finding }: Finding): string {
  return JSON.stringify({ rule, template, resource, finding });
}
