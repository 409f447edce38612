import { beforeAll, expect, test } from 'vitest';
import { ENVIRONMENTS } from '../../../scripts/deploy/layers.ts';
import { evaluateEnvironment } from '../../support/cloudformation/environment.ts';
import { type Finding, unresolved } from '../acknowledgements.ts';
import { createArns } from './arns.ts';
import { type Exercise, exercise } from './exercise.ts';
import { accessesOf } from './permissions.ts';
import { isAllowed } from './policy.ts';
import { commandsInSource } from './source-calls.ts';
import { denialsOf, grantsOf, type Program, PROGRAMS, taskRoleOf } from './task-role.ts';
import { patternOf, surplusOf } from './unused.ts';

const programs = Object.keys(PROGRAMS) as Program[];

/** Each environment as it is, and as an operator may make it for a while. */
const variants = ENVIRONMENTS.flatMap((environment) =>
  ['false', 'true'].map((executeCommand) => ({
    name: `${environment}, ExecuteCommand ${executeCommand}`,
    layers: evaluateEnvironment(environment, { ExecuteCommand: executeCommand }),
  })),
);

let recorded: Exercise;

beforeAll(async () => {
  recorded = await exercise();
}, 120_000);

/** The accesses that a program's calls need, one for each action and kind of resource. */
function accessesOfProgram(program: Program, layers: (typeof variants)[number]['layers']) {
  const arns = createArns(recorded.names, layers);
  const accesses = recorded.calls
    .filter((call) => call.program === program)
    .flatMap((call) => accessesOf(call, arns));
  return [
    ...new Map(accesses.map((access) => [`${access.action} ${patternOf(access.resource)}`, access])).values(),
  ];
}

test('every program was recorded, and every call of the source was made', () => {
  expect(recorded.programs).toEqual(programs.toSorted());
  const made = new Set(recorded.calls.map(({ operation }) => operation));
  expect(commandsInSource().filter((command) => !made.has(command))).toEqual([]);
});

test.each(variants)('every call is allowed: $name', ({ layers }) => {
  const refused = programs.flatMap((program) => {
    const { layer, logicalId, statements } = taskRoleOf(program, layers);
    return accessesOfProgram(program, layers)
      .filter((access) => !isAllowed([...statements, ...denialsOf(layers)], access))
      .map(({ action, resource }) => `${layer}.yml ${logicalId} does not allow ${action} on ${resource}`);
  });
  expect(refused).toEqual([]);
});

test('nothing is allowed that no call needs, unless there is a reason', () => {
  const findings = variants.flatMap(({ layers }) =>
    programs.flatMap((program) => {
      const { layer, logicalId, statements } = taskRoleOf(program, layers);
      const accesses = accessesOfProgram(program, layers);
      return grantsOf(statements).flatMap((grant): (Finding & { surplus: string })[] => {
        const surplus = surplusOf(grant, accesses);
        if (surplus === undefined) return [];
        const { action: finding } = grant;
        return [{ rule: 'LeastPrivilege-Unused', template: layer, resource: logicalId, finding, surplus }];
      });
    }),
  );
  expect(unresolved('LeastPrivilege', findings, ({ surplus }) => surplus)).toEqual([]);
});
