/*
 * Loaded before a service (`node --import`): its wall clock is wrong by CLOCK_SHIFT_MS milliseconds. Timers and
 * `performance.now()` are those of the kernel's other clock, which nobody sets.
 */
const shift = Number(process.env['CLOCK_SHIFT_MS'] ?? 0);
const RealDate = Date;

globalThis.Date = new Proxy(RealDate, {
  construct: (target, args: [], newTarget: typeof Date) =>
    args.length > 0
      ? Reflect.construct(target, args, newTarget)
      : Reflect.construct(target, [RealDate.now() + shift], newTarget),
  apply: () => new RealDate(RealDate.now() + shift).toString(),
  get: (target, name, receiver) =>
    name === 'now' ? () => RealDate.now() + shift : Reflect.get(target, name, receiver),
});
