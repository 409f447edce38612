/** A metric, or the value of an expression: a point a minute, undefined where there is none. */
export type Series = readonly (number | undefined)[];

/** What an expression is made of; a scalar is one number for all times. */
type Value = Series | number;
/** `REPEAT` and the like, and lists in brackets, which only functions take. */
type Argument = Value | string | Argument[];

/**
 * A metric without a single point in the window that CloudWatch looks at: the manual does not say whether FILL fills it
 * (`filled`) or there is nothing that it could fill (`empty`).
 */
export type EmptyMetrics = 'filled' | 'empty';

type Evaluate = (context: { metrics: Record<string, Series>; emptyMetrics: EmptyMetrics }) => Argument;

/**
 * Reads an expression of CloudWatch's metric math
 * (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html) as far as policies here use
 * it. Returns what evaluates it over metrics of equal length, by their ids.
 *
 * @throws SyntaxError for what is not an expression, or not known here
 */
export function parseMetricMath(
  expression: string,
): (metrics: Record<string, Series>, emptyMetrics: EmptyMetrics) => Series {
  const evaluate = parse(expression);
  return (metrics, emptyMetrics) => {
    const value = valueOf(evaluate({ metrics, emptyMetrics }));
    if (typeof value === 'number') throw new TypeError(`${expression} is a scalar: it must be a time series`);
    return value;
  };
}

const TOKEN = /\s*(?:(\d+(?:\.\d+)?)|([A-Za-z_]\w*)|(==|!=|<=|>=|&&|\|\||[-+*/<>()[\],]))/y;

/** From the loosest to the tightest. */
const OPERATORS: Record<string, (left: number, right: number) => number>[] = [
  { OR: either, '||': either },
  { AND: both, '&&': both },
  {
    '==': (left, right) => Number(left === right),
    '!=': (left, right) => Number(left !== right),
    '<=': (left, right) => Number(left <= right),
    '>=': (left, right) => Number(left >= right),
    '<': (left, right) => Number(left < right),
    '>': (left, right) => Number(left > right),
  },
  { '+': (left, right) => left + right, '-': (left, right) => left - right },
  { '*': (left, right) => left * right, '/': (left, right) => left / right },
];

function either(left: number, right: number): number {
  return Number(left !== 0 || right !== 0);
}

function both(left: number, right: number): number {
  return Number(left !== 0 && right !== 0);
}

function parse(expression: string): Evaluate {
  const tokens = tokensOf(expression);
  let position = 0;
  const take = (token: string) => tokens[position] === token && ++position > 0;
  const expect = (token: string) => {
    if (!take(token)) throw new SyntaxError(`${expression}: ${token} is expected before ${tokens[position]}`);
  };

  function binary(level: number): Evaluate {
    const operators = OPERATORS[level];
    if (!operators) return unary();
    let left = binary(level + 1);
    for (;;) {
      const operate = operators[tokens[position] ?? ''];
      if (!operate) return left;
      position++;
      left = pointwise(operate, left, binary(level + 1));
    }
  }

  function unary(): Evaluate {
    return take('-')
      ? pointwise(
          (zero, value) => zero - value,
          () => 0,
          unary(),
        )
      : primary();
  }

  function primary(): Evaluate {
    if (take('(')) {
      const inner = binary(0);
      expect(')');
      return inner;
    }
    if (take('[')) {
      const items = argumentsUntil(']');
      return (context) => items.map((item) => item(context));
    }
    const token = tokens[position++];
    if (token === undefined) throw new SyntaxError(`${expression} ends too early`);
    if (/^\d/.test(token)) return () => Number(token);
    if (take('(')) {
      const call = FUNCTIONS[token];
      if (!call) throw new SyntaxError(`${expression}: the function ${token} is not known here`);
      const given = argumentsUntil(')');
      return (context) =>
        call(
          given.map((argument) => argument(context)),
          context.emptyMetrics,
        );
    }
    if (KEYWORDS.has(token)) return () => token;
    if (!/^[a-z]/.test(token)) throw new SyntaxError(`${expression}: ${token} is not expected`);
    return ({ metrics }) => {
      const series = metrics[token];
      if (!series) throw new ReferenceError(`${expression}: there is no metric ${token}`);
      return series;
    };
  }

  function argumentsUntil(end: string): Evaluate[] {
    const given = [binary(0)];
    while (take(',')) given.push(binary(0));
    expect(end);
    return given;
  }

  const whole = binary(0);
  if (position < tokens.length) throw new SyntaxError(`${expression}: ${tokens[position]} is not expected`);
  return whole;
}

function tokensOf(expression: string): string[] {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < expression.trimEnd().length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(expression);
    if (!match) throw new SyntaxError(`${expression}: ${expression.slice(at)} is not known here`);
    tokens.push(match[0].trim());
  }
  return tokens;
}

/**
 * A missing point counts as 0 beside a point that is there; where both are missing there is none, and a point that is
 * divided by 0 is dropped (using-metric-math.html, Basic arithmetic functions; Comparison and logical operators).
 */
function pointwise(
  operate: (left: number, right: number) => number,
  leftOf: Evaluate,
  rightOf: Evaluate,
): Evaluate {
  return (context) => {
    const [left, right] = [valueOf(leftOf(context)), valueOf(rightOf(context))];
    if (typeof left === 'number' && typeof right === 'number') return operate(left, right);
    return Array.from({ length: lengthOf(left, right) }, (_, at) => {
      const isThere = [left, right].some((value) => typeof value !== 'number' && value[at] !== undefined);
      const result = isThere ? operate(pointAt(left, at) ?? 0, pointAt(right, at) ?? 0) : undefined;
      return Number.isFinite(result) ? result : undefined;
    });
  };
}

const KEYWORDS = new Set(['REPEAT']);

const FUNCTIONS: Record<string, (given: Argument[], emptyMetrics: EmptyMetrics) => Argument> = {
  /** using-metric-math.html, Using IF expressions. */
  IF([given, then, otherwise]) {
    const condition = valueOf(given);
    const [yes, no] = [valueOf(then), otherwise === undefined ? [] : valueOf(otherwise)];
    if (typeof condition === 'number') return condition === 0 ? no : yes;
    return condition.map((truth, at) => {
      if (truth === undefined) return undefined;
      // A missing point of what is chosen is 0 if it is the second argument's and dropped if it is the third's.
      return truth === 0 ? pointAt(no, at) : (pointAt(yes, at) ?? 0);
    });
  },
  FILL([given, filler], emptyMetrics) {
    const series = seriesOf(given);
    if (emptyMetrics === 'empty' && series.every((point) => point === undefined)) return series;
    if (filler !== 'REPEAT') return series.map((point, at) => point ?? pointAt(valueOf(filler), at));
    return series.map((_, at) => series.slice(0, at + 1).findLast((point) => point !== undefined));
  },
  MAX: (given) => reduce(given, Math.max),
  MIN: (given) => reduce(given, Math.min),
  CEIL: ([given]) => seriesOf(given).map((point) => point && Math.ceil(point)),
  FLOOR: ([given]) => seriesOf(given).map((point) => point && Math.floor(point)),
};

/** Over the series of a list at each time; or over all points of one series, to a scalar. */
function reduce([given]: Argument[], operate: (...points: number[]) => number): Value {
  const list = given as Argument[];
  if (!list.some((item) => Array.isArray(item))) return operate(...present(seriesOf(given)));
  const series = list.map(seriesOf);
  return Array.from({ length: lengthOf(...series) }, (_, at) => {
    const points = present(series.map((one) => one[at]));
    return points.length > 0 ? operate(...points) : undefined;
  });
}

function present(points: Series): number[] {
  return points.filter((point) => point !== undefined);
}

function pointAt(value: Value, at: number): number | undefined {
  return typeof value === 'number' ? value : value[at];
}

function lengthOf(...values: Value[]): number {
  return Math.max(...values.map((value) => (typeof value === 'number' ? 0 : value.length)));
}

function valueOf(argument: Argument | undefined): Value {
  return typeof argument === 'number' ? argument : seriesOf(argument);
}

function seriesOf(argument: Argument | undefined): Series {
  if (!Array.isArray(argument) || argument.some((item) => typeof item === 'string' || Array.isArray(item))) {
    throw new TypeError(`a time series is expected, not ${JSON.stringify(argument)}`);
  }
  return argument as Series;
}
