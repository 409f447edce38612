import { expect, test } from 'vitest';
import { evaluateEnvironment } from '../support/cloudformation/environment.ts';
import { SERVICE } from './ecs.ts';
import { allStacks, resourcesIn } from './stacks.ts';
import { resources, TEMPLATES } from './templates.ts';

const images = TEMPLATES.flatMap(({ name, template }) =>
  Object.entries(template.Parameters ?? {})
    .filter(([parameter]) => /^(Api|Worker)Image$/.test(parameter))
    .map(([parameter, declared]) => ({ where: `${name}.yml ${parameter}`, parameter, declared })),
);

test('a service without an image cannot be declared', () => {
  expect(images.map(({ where }) => where)).toEqual([
    'migrate.yml ApiImage',
    'service-api.yml ApiImage',
    'service-worker.yml WorkerImage',
  ]);
  expect(images.filter(({ declared }) => declared.Default !== undefined)).toEqual([]);
});

test.each(['registry/stowage-api:latest', 'registry/stowage-api', '', `sha256:${'a'.repeat(64)}`])(
  'an image that “%s” names is refused: a tag can come to name another',
  (image) => {
    for (const parameter of ['ApiImage', 'WorkerImage']) {
      expect(() => evaluateEnvironment('dev', { [parameter]: image })).toThrow(parameter);
    }
  },
);

test('a number of tasks is only ever stated while there is no service', () => {
  const FIRST = { InitialApiTasks: '3', InitialWorkerTasks: '2' };
  const counts = (overrides: Record<string, string>): unknown[] =>
    Object.values(evaluateEnvironment('production', overrides)).flatMap(({ resources: all }) =>
      Object.values(all)
        .filter(({ Type }) => Type === SERVICE)
        .map(({ Properties }) => Properties['DesiredCount']),
    );
  expect(counts(FIRST)).toEqual(['3', '2']);
  expect(counts({ InitialApiTasks: '0', InitialWorkerTasks: '0' })).toEqual([undefined, undefined]);
});

test('every service is scaled, so that its number of tasks is somebody’s', () => {
  const scaled = resourcesIn<{ ResourceId: string }>(
    allStacks(),
    'AWS::ApplicationAutoScaling::ScalableTarget',
  );
  expect(new Set(scaled.map(({ stack }) => stack.layer))).toEqual(new Set(['service-api', 'service-worker']));
});

// A rollback goes to the revision before, and CloudFormation would have deregistered it.
test('a task definition that is replaced stays', () => {
  const gone = resources('AWS::ECS::TaskDefinition').filter(
    ({ resource }) => resource.UpdateReplacePolicy !== 'Retain',
  );
  expect(gone.map(({ where }) => where)).toEqual([]);
});
