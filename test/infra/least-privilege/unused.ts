import { isAllowed, type Access } from './policy.ts';
import type { Grant } from './task-role.ts';

/**
 * Why a grant is more than is needed: no access needs it, or it covers more than the accesses do. Undefined if it is
 * just what they need.
 *
 * @param accesses what its role is used for
 */
export function surplusOf({ action, resource }: Grant, accesses: Access[]): string | undefined {
  const covered = accesses.filter((access) =>
    isAllowed([{ Effect: 'Allow', Action: action, Resource: resource }], access),
  );
  if (covered.length === 0) return `no call needs ${action} on ${resource}.`;
  const needed = covered.map((access) => `${access.action} on ${patternOf(access.resource)}`);
  if (needed.some((need) => need.toLowerCase() === `${action} on ${resource}`.toLowerCase()))
    return undefined;
  return `${action} on ${resource} allows more than ${[...new Set(needed)].join(', ')}.`;
}

/** A resource with `*` for the id in it, as ids of datasets and tasks are not known before. */
export function patternOf(resource: string): string {
  return resource.replace(/\/([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32})$/, '/*');
}
