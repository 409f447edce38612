import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox';
import type { FastifyRequest } from 'fastify';
import type { DatasetRef } from '@stowage/datasets';
import { problemResponses } from '@stowage/http';
import { problems } from '../problems.ts';
import {
  DatasetParams,
  EventStream,
  ListQuery,
  refs,
  RejectsQuery,
  RowsQuery,
  sharedSchemas,
} from './schemas.ts';
import type { DatasetService } from './service.ts';
import type { Watch } from './watch.ts';

const read = { scope: 'datasets:read' };
const write = { scope: 'datasets:write' };
const tags = ['datasets'];
const params = DatasetParams;
const ofDataset = problemResponses(problems, 'not_found');
const ofRows = problemResponses(problems, 'not_found', 'not_loaded', 'deleting');

/** The operations on datasets. Each reads its input, makes one call to the service and answers. */
export const datasetRoutes: FastifyPluginCallbackTypebox<{ service: DatasetService; watch: Watch }> = (
  app,
  { service, watch },
  done,
) => {
  for (const schema of sharedSchemas) app.addSchema(schema);

  app.post(
    '/v1/datasets',
    {
      config: { ...write, idempotent: true },
      schema: {
        tags,
        summary: 'Create a dataset and a form that uploads its file',
        body: refs.CreateDataset,
        response: { 201: refs.CreatedDataset },
      },
    },
    async (request, reply) => {
      const created = await service.create(request.caller.tenant, request.body);
      return reply.code(201).header('location', `/v1/datasets/${created.dataset.id}`).send(created);
    },
  );

  app.get(
    '/v1/datasets',
    {
      config: read,
      schema: {
        tags,
        summary: 'List datasets, newest first',
        querystring: ListQuery,
        response: { 200: refs.DatasetList },
      },
    },
    (request) => service.list(request.caller.tenant, request.query),
  );

  app.get(
    '/v1/datasets/:id',
    {
      config: read,
      schema: { tags, summary: 'Status and progress', params, response: { 200: refs.Dataset, ...ofDataset } },
    },
    (request) => service.get(refOf(request)),
  );

  app.post(
    '/v1/datasets/:id/complete',
    {
      config: write,
      schema: {
        tags,
        summary: 'The file is uploaded: load it',
        params,
        response: {
          202: refs.Dataset,
          ...problemResponses(problems, 'not_found', 'upload_missing', 'deleting'),
        },
      },
    },
    async (request, reply) => reply.code(202).send(await service.complete(refOf(request))),
  );

  app.delete(
    '/v1/datasets/:id',
    {
      config: write,
      schema: {
        tags,
        summary: 'Delete file, rows and record',
        params,
        response: { 202: refs.Dataset, ...ofDataset },
      },
    },
    async (request, reply) => reply.code(202).send(await service.remove(refOf(request))),
  );

  app.get(
    '/v1/datasets/:id/events',
    {
      config: read,
      schema: {
        tags,
        summary: 'Follow status and progress as server-sent events',
        params,
        produces: ['text/event-stream'],
        response: {
          200: {
            description:
              '`event: progress`, `data:` the dataset, at once and at each change until a final status',
            content: { 'text/event-stream': { schema: EventStream } },
          },
          ...problemResponses(problems, 'not_found', 'deleting'),
        },
      },
    },
    async (request, reply) => {
      const ref = refOf(request);
      // Its errors are ordinary answers; once a stream has begun there is no status left to set.
      await service.watchable(ref);
      await reply.sendEvents((signal) => watch(ref, signal));
    },
  );

  app.get(
    '/v1/datasets/:id/rows',
    {
      config: read,
      schema: {
        tags,
        summary: 'Rows in file order',
        description:
          'Filters: `where.<column>=<text>` keeps the rows whose cell equals the text; repeatable, all must hold. ' +
          'With filters a page may hold fewer rows than `limit`, even none, while `nextAfter` is not null.',
        params,
        querystring: RowsQuery,
        response: { 200: refs.RowsPage, ...ofRows },
      },
    },
    async (request, reply) => {
      const { after, limit, ...filters } = request.query;
      const text = await service.rows(refOf(request), { after, limit }, filters);
      return reply
        .type('application/json; charset=utf-8')
        .serializer(String)
        .send(text as never);
    },
  );

  app.get(
    '/v1/datasets/:id/rejects',
    {
      config: read,
      schema: {
        tags,
        summary: 'Records that could not be loaded',
        params,
        querystring: RejectsQuery,
        response: { 200: refs.RejectsPage, ...ofRows },
      },
    },
    (request) => service.rejects(refOf(request), request.query),
  );

  app.get(
    '/v1/datasets/:id/profile',
    {
      config: read,
      schema: { tags, summary: 'What each column holds', params, response: { 200: refs.Profile, ...ofRows } },
    },
    (request) => service.profile(refOf(request)),
  );

  done();
};

function refOf(request: FastifyRequest): DatasetRef {
  const { id } = request.params as { id: string };
  // UUIDs are compared as text from here on, and RFC 9562 lets clients write them in capitals.
  return { tenant: request.caller.tenant, id: id.toLowerCase() };
}
