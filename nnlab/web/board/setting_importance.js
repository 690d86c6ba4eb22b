// What the view "Settings" draws of the shares of variance.

export function importanceSpec(answer) {
  return {
    title: `Share of the variance of ${answer.metric || "the result"} that settings explain, with 90 % intervals`,
    bars: answer.shares.map((share) => ({
      label: share.fields.join(" × "), share: share.share, low: share.low, high: share.high, secondary: share.fields.length > 1,
    })),
  };
}

export function importanceTable(answer) {
  return {
    columns: ["setting", "share", "low", "high"],
    rows: answer.shares.map((share) => [share.fields.join(" × "), share.share, share.low, share.high]),
  };
}
