// The filter of runs in an exported page: the language of nnlab/board/run_filter.py.

const FILTER_PROPERTIES = ["status", "study", "tag", "origin", "name", "run", "trial", "seed", "finding"];
const FILTER_WORD = /(?:[^\s"]|"[^"]*")+/g;
const FILTER_COMPARISON = /^(?:(best|last):)?([^\s=!<>:"]+)(!=|<=|>=|=|<|>)(.*)$/s;
const FILTER_PROPERTY = /^([a-z]+):(.*)$/s;
const FILTER_NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$/;

const COMPARE = {
  "=": (a, b) => a === b,
  "!=": (a, b) => a !== b,
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
};

// The conditions of a filter, as functions of a row; throws an Error with the position of a fault.
export function parseRunFilter(text) {
  if ((text.match(/"/g) || []).length % 2) {
    throw new Error(`filter, position ${text.lastIndexOf('"') + 1}: the quotation mark is not closed`);
  }
  return [...text.matchAll(FILTER_WORD)].map((match) => parseFilterWord(match[0], match.index + 1));
}

// A row is an object of the table of runs whose `cells` have all fields of the setting and metrics.
export function matchesRunFilter(conditions, row) {
  return conditions.every((condition) => condition(row));
}

function parseFilterWord(word, position) {
  if (word.startsWith("-") && word.length > 1) {
    const condition = parseFilterWord(word.slice(1), position + 1);
    return (row) => !condition(row);
  }
  const comparison = FILTER_COMPARISON.exec(word);
  if (comparison) return parseFilterComparison(comparison, position);
  const property = FILTER_PROPERTY.exec(word);
  if (property && FILTER_PROPERTIES.includes(property[1])) {
    return propertyCondition(property[1], withoutQuotes(property[2]));
  }
  if (/^nn\d{3}$/i.test(word)) return propertyCondition("finding", word);
  const text = withoutQuotes(word).toLowerCase();
  return (row) => [row.study, row.name ?? "", settingText(row)].some((part) => part.toLowerCase().includes(text));
}

function parseFilterComparison([, kind, name, operator, text], position) {
  const value = withoutQuotes(text);
  const number = FILTER_NUMBER.test(value) ? Number(value) : null;
  const compare = COMPARE[operator];
  if (kind || name.includes("/")) {
    if (number === null) {
      throw new Error(`filter, position ${position}: ${name} is compared with a number, got '${value}'`);
    }
    const cell = `${kind || "best"}:${name}`;
    return (row) => typeof row.cells[cell] === "number" && compare(row.cells[cell], number);
  }
  const cell = `setting:${name}`;
  if (number !== null) {
    return (row) => {
      const stored = row.cells[cell];
      if (typeof stored === "number") return compare(stored, number);
      return operator === "!=" && stored !== null && stored !== undefined;
    };
  }
  if (operator !== "=" && operator !== "!=") {
    throw new Error(`filter, position ${position}: ${operator} compares with a number, got '${value}'`);
  }
  const matches = wildcardPattern(value);
  return (row) => {
    const stored = row.cells[cell];
    return stored !== null && stored !== undefined && matches(String(stored)) === (operator === "=");
  };
}

function propertyCondition(property, value) {
  const matches = wildcardPattern(value);
  switch (property) {
    case "tag":
      return (row) => row.tags.includes(value);
    case "finding":
      return (row) => row.flags.includes(value.toUpperCase());
    case "run":
      return (row) => row.run === Number(value);
    case "trial":
      return (row) => row.trial_id === Number(value);
    case "seed":
      return (row) => row.seed === Number(value);
    case "study":
      return (row) => matches(row.study);
    case "name":
      return (row) => matches(row.name ?? "") && row.name !== null;
    default:
      return (row) => row[property] === value;
  }
}

// Whether a text equals a pattern in which * is any text, in upper or lower case.
function wildcardPattern(pattern) {
  const escaped = pattern.toLowerCase().split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  const expression = new RegExp(`^${escaped.join(".*")}$`, "s");
  return (text) => expression.test(text.toLowerCase());
}

function settingText(row) {
  const entries = Object.entries(row.cells).filter(([name]) => name.startsWith("setting:"));
  return JSON.stringify(Object.fromEntries(entries.map(([name, value]) => [name.slice(8), value])));
}

function withoutQuotes(text) {
  return text.replaceAll('"', "");
}
