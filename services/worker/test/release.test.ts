import { expect, test } from 'vitest';
import { release } from '../src/datasets/release.ts';

test('the memory of a part is given back', () => {
  const part = Buffer.from(new ArrayBuffer(65_536));
  release(part);
  expect(part.length).toBe(0);
  expect(part.buffer.byteLength).toBe(0);
});

test('memory that others may share stays', () => {
  const whole = Buffer.from(new ArrayBuffer(10)).fill('a');
  release(whole.subarray(0, 4));
  expect(whole.toString()).toBe('aaaaaaaaaa');
  const shared = Buffer.from(new SharedArrayBuffer(4)).fill('b');
  release(shared);
  expect(shared.toString()).toBe('bbbb');
});
