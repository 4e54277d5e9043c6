// Runs axe over the whole document; `chosen` is its `runOnly`.
async (chosen) => {
  const found = await axe.run(document, {resultTypes: ["violations"], runOnly: chosen});
  const why = (node) => (node.any[0] ?? node.all[0] ?? node.none[0] ?? {message: ""}).message;
  return found.violations.map((one) => ({
    rule: one.id,
    help: one.help,
    places: one.nodes.map((node) => `${node.target.join(" ")} | ${why(node)}`),
  }));
}
