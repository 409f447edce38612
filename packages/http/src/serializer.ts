import { type SerializerFactory, SerializerSelector } from '@fastify/fast-json-stringify-compiler';

/**
 * Serialisers for answers, one a schema, as most routes answer with the same problems, and each compiled when it is first
 * needed: to compile all of them took a fifth of the start, and a process serves with a few of them.
 */
export const buildSerializer: SerializerFactory = (externalSchemas, options) => {
  const compile = SerializerSelector()(externalSchemas, options);
  const serializers = new Map<string, ReturnType<typeof compile>>();
  return (route) => {
    const key = JSON.stringify(route.schema);
    const serializer = serializers.get(key) ?? whenNeeded(() => compile(route));
    serializers.set(key, serializer);
    return serializer;
  };
};

function whenNeeded<T>(compile: () => (data: T) => string): (data: T) => string {
  let compiled: ((data: T) => string) | undefined;
  return (data) => (compiled ??= compile())(data);
}
