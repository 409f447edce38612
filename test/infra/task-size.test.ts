import { expect, test } from 'vitest';
import { evaluateEnvironment, layerTemplate } from '../support/cloudformation/environment.ts';
import { type TaskDefinition, TASK_DEFINITION } from './ecs.ts';
import { allStacks, resourcesIn } from './stacks.ts';

const GB = 1024;

/** Memory in MiB that Fargate takes with a CPU. */
function fargateTakes(cpu: number, memory: number): boolean {
  const range = (from: number, to: number, step = GB): boolean =>
    memory >= from && memory <= to && (memory - from) % step === 0;
  if (cpu === 256) return [512, GB, 2 * GB].includes(memory);
  if (cpu === 512) return range(GB, 4 * GB);
  if (cpu === 1024) return range(2 * GB, 8 * GB);
  if (cpu === 2048) return range(4 * GB, 16 * GB);
  if (cpu === 4096) return range(8 * GB, 30 * GB);
  if (cpu === 8192) return range(16 * GB, 60 * GB, 4 * GB);
  if (cpu === 16_384) return range(32 * GB, 120 * GB, 8 * GB);
  return false;
}

test('every task has a size that Fargate takes', () => {
  const unfit = resourcesIn<TaskDefinition>(allStacks(), TASK_DEFINITION).filter(
    ({ properties: { Cpu, Memory } }) => !fargateTakes(Number(Cpu), Number(Memory)),
  );
  expect(unfit.map(({ where, properties: { Cpu, Memory } }) => `${where} ${Cpu}/${Memory}`)).toEqual([]);
});

test.each([
  ['service-api', 'ApiCpu', 'ApiMemory'],
  ['service-worker', 'WorkerCpu', 'WorkerMemory'],
] as const)('%s takes a pair of sizes exactly when Fargate does', (layer, cpuName, memoryName) => {
  const allowed = (name: string): string[] =>
    (layerTemplate(layer).Parameters?.[name]?.AllowedValues ?? []).map(String);
  const different = allowed(cpuName).flatMap((cpu) =>
    allowed(memoryName).filter((memory) => {
      let taken = true;
      try {
        evaluateEnvironment('staging', { [cpuName]: cpu, [memoryName]: memory });
      } catch {
        taken = false;
      }
      return taken !== fargateTakes(Number(cpu), Number(memory));
    }),
  );
  expect(different).toEqual([]);
});
