function run() {
  let text = "";
  for (let at = 0; at < 60000; at++) text += `${at.toString(36)};`;
  const parts = text.split(";");
  let letters = 0;
  for (const part of parts) {
    for (let at = 0; at < part.length; at++) if (part.charCodeAt(at) > 57) letters++;
  }
  const joined = parts.map((part) => part.toUpperCase().padStart(6, "_")).sort().join("");
  let found = 0;
  for (let from = joined.indexOf("_Z"); from >= 0; from = joined.indexOf("_Z", from + 1)) found++;
  return `${letters} ${found} ${joined.length}`;
}
