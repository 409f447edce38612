const integers = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** `1204331` as `1,204,331`. */
export function count(value: number): string {
  return integers.format(value);
}

/** `3,376 rows`, `1 row`. */
export function quantity(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
}

/** Bytes in decimal units with three digits: `210 kB`, `5.37 GB`. */
export function bytes(value: number): string {
  let scaled = value;
  let unit = 0;
  while (scaled >= 999.5 && unit < UNITS.length - 1) {
    scaled /= 1000;
    unit += 1;
  }
  const decimals = unit === 0 || scaled >= 99.95 ? 0 : scaled >= 9.995 ? 1 : 2;
  return `${scaled.toFixed(decimals)} ${UNITS[unit]}`;
}

/** A duration as one reads it: `0.42 s`, `12.3 s`, `2 min 5 s`. */
export function duration(seconds: number): string {
  if (seconds < 9.995) return `${Math.max(0.01, seconds).toFixed(2)} s`;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/** A running clock: `0:02`, `1:02:03`. */
export function clock(seconds: number): string {
  const whole = Math.floor(seconds);
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  const rest = String(whole % 60).padStart(2, '0');
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${rest}` : `${minutes}:${rest}`;
}

/** `412 MB/s`. */
export function byteRate(value: number, seconds: number): string {
  return `${bytes(perSecond(value, seconds))}/s`;
}

/** `812,000 rows/s`, to three digits: more would be noise. */
export function rowRate(rows: number, seconds: number): string {
  return `${count(Number(perSecond(rows, seconds).toPrecision(3)))} rows/s`;
}

/** At least a hundredth of a second, the least that `duration` shows, so that no rate is infinite. */
function perSecond(value: number, seconds: number): number {
  return value / Math.max(0.01, seconds);
}
