import { expect, test } from 'vitest';
import { splitFile } from './load-file.ts';

const detected = (text: string | Buffer, portions?: number[]) =>
  splitFile(Buffer.from(text), portions === undefined ? {} : { portions }).dialect.delimiter;

test.each([',', ';', '\t', '|'])('detects %j', (delimiter) => {
  expect(detected(`a${delimiter}b\n1${delimiter}2\n`)).toBe(delimiter);
});

test('the largest share of records with one count of cells wins, not the most delimiters', () => {
  expect(detected('a;b\n1,2,3,4;5\n6,7;8\n')).toBe(';');
});

test('a count of one cell does not speak for a delimiter', () => {
  expect(detected('a\nb\nc|d\n')).toBe('|');
});

test('delimiters within quotes do not count', () => {
  expect(detected('"a,b";c\n"d,e";f\n')).toBe(';');
});

test('a tie goes to the first in the order comma, semicolon, tab, bar', () => {
  expect(detected('a|b;c\n1|2;3\n')).toBe(';');
  expect(detected('a|b\tc,d\n')).toBe(',');
});

test('equal shares of different numbers of records tie', () => {
  // With the comma the quotes hold a line end: one record, of two cells. With the semicolon it is two, both of two.
  expect(detected('a,"b;\nc;"\n')).toBe(',');
});

test('a file without delimiters is read with the comma', () => {
  expect(detected('a\nb\n')).toBe(',');
  expect(detected('a')).toBe(',');
});

test('empty records do not count', () => {
  expect(detected(`\n\n\n${'\n'.repeat(50)}a;b\n1;2,3\n\n4;5\n`)).toBe(';');
});

test('a byte order mark is no part of the first record', () => {
  expect(detected('\uFEFF"a,b,c"|d\n')).toBe('|');
});

test('only the first 64 KiB are looked at', () => {
  const sample = 'a;b\n'.repeat(16_384);
  expect(sample.length).toBe(65_536);
  expect(detected(`${sample}${'1,2,3\n'.repeat(100_000)}`)).toBe(';');
  expect(detected(`\uFEFF${sample}${'1,2,3\n'.repeat(100_000)}`, [1_000])).toBe(';');
});

test('a record that the sample cuts off does not count', () => {
  // The first record is a tie, which the comma wins; the second would decide for the semicolon.
  expect(detected(`a;b,c\nd;${'x'.repeat(70_000)}\n`)).toBe(',');
  expect(detected(`a;b,c\nd;${'x'.repeat(65_000)}\n`)).toBe(';');
});

test('a record that the sample cuts off counts if it is the only one', () => {
  expect(detected(`a|${'x'.repeat(70_000)};b;c\n1;2;3\n`)).toBe('|');
});

test('a last record without line end counts if the file ends with the sample', () => {
  const sample = `${'x'.repeat(65_528)}\na|b|c;d`.slice(-65_536);
  expect(sample.length).toBe(65_536);
  expect(detected(sample)).toBe(';');
  expect(detected(`${sample};e`)).toBe(',');
});
