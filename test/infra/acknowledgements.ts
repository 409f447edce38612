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

/** Every acknowledgement: an entry of `infra/acknowledgements.json` each. */
export function readAcknowledgements(): Acknowledgement[] {
  return JSON.parse(readFileSync(new URL(`../../${FILE}`, import.meta.url), 'utf8')) as Acknowledgement[];
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
  const missing = [...found]
    .filter(([key]) => !acknowledged.has(key))
    .map(([key, finding]) => {
      const entry = JSON.stringify({ ...(JSON.parse(key) as Finding), reason: 'why it is right' });
      return `${describe(finding)} Mend it, or write in ${FILE}: ${entry}`.trim();
    });
  const stale = [...acknowledged]
    .filter(([key]) => !found.has(key))
    .map(([key]) => `${FILE} acknowledges what is not found any more: remove ${key}`);
  return [...missing, ...stale];
}

function keyOf({ rule, template, resource, finding }: Finding): string {
  return JSON.stringify({ rule, template, resource, finding });
}
