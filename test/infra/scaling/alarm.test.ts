import { expect, test } from 'vitest';
import { type Alarm, alarmState, evaluationRange } from './alarm.ts';

const TREATMENTS = ['missing', 'ignore', 'breaching', 'notBreaching'] as const;
const points = (text: string) =>
  text.split(' ').map((point) => ({ '0': 0, X: 1, '-': undefined })[point as '0' | 'X' | '-']);
const alarm = (datapointsToAlarm: number, treatMissingData: Alarm['treatMissingData']): Alarm => ({
  isBreaching: (point) => point > 0,
  datapointsToAlarm,
  evaluationPeriods: 3,
  treatMissingData,
});

// The tables of the manual; `-` is a missing point, X a breaching one.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
test.each([
  [3, '0 - X - X', ['OK', 'OK', 'OK', 'OK']],
  [3, '0 - - - -', ['OK', 'OK', 'OK', 'OK']],
  [3, '- - - - -', ['INSUFFICIENT_DATA', 'before', 'ALARM', 'OK']],
  [3, '0 X X - X', ['ALARM', 'ALARM', 'ALARM', 'ALARM']],
  [3, '- - - - X', ['INSUFFICIENT_DATA', 'before', 'ALARM', 'OK']],
  [3, 'X - - - -', ['ALARM', 'before', 'ALARM', 'OK']],
  [2, '0 - X - X', ['ALARM', 'ALARM', 'ALARM', 'ALARM']],
  [2, '0 0 X 0 X', ['ALARM', 'ALARM', 'ALARM', 'ALARM']],
  [2, '0 - X - -', ['OK', 'OK', 'ALARM', 'OK']],
  [2, '- - - - 0', ['OK', 'OK', 'ALARM', 'OK']],
  [2, '- - - - X', ['INSUFFICIENT_DATA', 'before', 'ALARM', 'OK']],
])('%i of 3 over %s', (datapointsToAlarm, text, expected) => {
  expect(points(text)).toHaveLength(evaluationRange({ evaluationPeriods: 3 }));
  const states = (before: 'OK' | 'ALARM') =>
    TREATMENTS.map((treatment) => alarmState(alarm(datapointsToAlarm, treatment), points(text), before));
  for (const before of ['OK', 'ALARM'] as const) {
    expect(states(before)).toEqual(expected.map((state) => (state === 'before' ? before : state)));
  }
});
