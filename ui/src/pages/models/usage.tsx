/** How a version is loaded and served: in Python, on the command line, over HTTP. */
import type { ModelVersion } from "../../api/types"
import { Code } from "../../components/basics"
import { Section } from "../../components/facts"
import { address as server } from "../../state/workspace"

export function Usage({ version }: { version: ModelVersion }) {
  const alias = version.aliases[0]
  const address = alias ? `models:/${version.name}@${alias}` : `models:/${version.name}/${version.version}`
  const quoted = JSON.stringify(address)
  const word = /^[\w:/@.-]+$/.test(address) ? address : `'${address.replaceAll("'", `'\\''`)}'`
  const parts: [string, string, string][] = [
    [
      "Python",
      "Load it, and predict.",
      `import trackway as tw

tw.set_tracking_uri("${server()}")
model = tw.pyfunc.load_model(${quoted})
predictions = model.predict(rows)`,
    ],
    [
      "Command line",
      "Predict for a file of rows, or serve it.",
      `export TRACKWAY_TRACKING_URI=${server()}
trackway models predict -m ${word} -i rows.csv -o predictions.csv
trackway models serve -m ${word} -p 5001`,
    ],
    [
      "curl",
      "Ask the model that is served.",
      `curl http://127.0.0.1:5001/invocations \\
  -H 'Content-Type: application/json' \\
  -d '{"dataframe_records": [{"age": 55, "income": 6}]}'`,
    ],
    [
      "MLflow's client",
      "It works unchanged.",
      `import mlflow

mlflow.set_tracking_uri("${server()}")
model = mlflow.pyfunc.load_model(${quoted})`,
    ],
  ]
  return (
    <div class="halves">
      {parts.map(([title, note, text]) => (
        <Section key={title} title={title}>
          <div class="section-body stack">
            <p class="soft">{note}</p>
            <Code text={text} />
          </div>
        </Section>
      ))}
    </div>
  )
}
