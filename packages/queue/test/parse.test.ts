import { Type } from 'typebox';
import { expect, test } from 'vitest';
import { messageParser, Poison } from '../src/index.ts';

const parse = messageParser(
  Type.Union([
    Type.Object({ type: Type.Literal('split'), id: Type.String() }, { additionalProperties: false }),
    Type.Object(
      { type: Type.Literal('load'), id: Type.String(), chunk: Type.Integer() },
      { additionalProperties: false },
    ),
  ]),
);

test('a body that matches its schema is returned', () => {
  expect(parse('{"type":"load","id":"a","chunk":3}')).toEqual({ type: 'load', id: 'a', chunk: 3 });
});

test('a body that is not JSON is poison', () => {
  expect(() => parse('{"type":')).toThrow(Poison);
  expect(() => parse('{"type":')).toThrow(/^not JSON: /);
});

test.each([
  ['{"type":"load","id":"a","chunk":"3"}', '/chunk must be integer'],
  ['{"type":"load","id":"a"}', 'the body must have required properties chunk'],
  ['{"type":"split","id":"a","chunk":3}', 'the body must not have additional properties'],
  ['{"type":"drop","id":"a"}', '/type must be "split" or /type must be "load"'],
  ['7', 'the body must be object'],
])('what is wrong with %s is told of the variant that was meant', (body, reason) => {
  expect(() => parse(body)).toThrow(new Poison(`unknown or malformed message: ${reason}`));
});
