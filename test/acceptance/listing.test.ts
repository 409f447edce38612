import { expect, inject, test } from 'vitest';
import { createClient, type DatasetView } from '../support/client.ts';

const client = createClient(inject('url'));

interface List {
  items: DatasetView[];
  nextCursor: string | null;
}

test('datasets are listed newest first, page by page, each once', async () => {
  const created: string[] = [];
  for (let number = 0; number < 5; number++)
    created.push((await client.create(`listed ${number}`)).dataset.id);
  const seen: string[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const page: List = await client.json('GET', `/v1/datasets?limit=2${cursor && `&cursor=${cursor}`}`);
    expect(page.items.length).toBeLessThanOrEqual(2);
    seen.push(...page.items.map(({ id }) => id));
    cursor = page.nextCursor;
  }
  expect(new Set(seen).size).toBe(seen.length);
  const mine = seen.filter((id) => created.includes(id));
  expect(mine).toEqual(created.toReversed());
  expect(seen).toEqual(seen.toSorted().toReversed());
});

test('a page has fifty datasets unless another number is asked for, and an empty cursor is the start', async () => {
  await Promise.all(Array.from({ length: 51 }, (_, number) => client.create(`many ${number}`)));
  const page = await client.json<List>('GET', '/v1/datasets?cursor=');
  expect(page.items).toHaveLength(50);
  expect(page.nextCursor).not.toBeNull();
  expect((await client.json<List>('GET', '/v1/datasets?limit=100')).items.length).toBeGreaterThan(50);
});

test('a cursor that this api did not give is 400', async () => {
  const problem = await client.json('GET', '/v1/datasets?cursor=nonsense', undefined, 400);
  expect(problem).toMatchObject({ code: 'validation_failed', errors: [{ pointer: '/query/cursor' }] });
});
