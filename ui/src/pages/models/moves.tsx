/** What can be done with a version, and what vouches for it. */
import type { ComponentChildren } from "preact"
import { useState } from "preact/hooks"
import { call } from "../../api/client"
import type { ModelVersion } from "../../api/types"
import { Button } from "../../components/basics"
import { FormDialog } from "../../components/dialog"
import { Copied, Facts, Section } from "../../components/facts"
import { Menu } from "../../components/menu"
import { attempt, say } from "../../components/toasts"
import { discard } from "../../components/trash"
import { moment } from "../../format"
import { useLoad } from "../../state/load"
import { go } from "../../state/router"
import { modelHref, STAGES, versionHref, type Stage } from "./badges"
import { TextForm } from "./talk"

interface Props {
  version: ModelVersion
  reload: () => void
}

type Asked = "stage" | "request" | "alias" | "copy"

export function Acts({ version, reload }: Props) {
  const [asked, setAsked] = useState<Asked>()
  const close = () => setAsked(undefined)
  return (
    <>
      <Button kind="primary" icon="arrow" onClick={() => setAsked("stage")}>
        Change the stage
      </Button>
      <Menu
        icon="more"
        label="Acts on this version"
        acts={[
          { text: "Ask for a stage", icon: "eye", act: () => setAsked("request") },
          { text: "Set an alias", icon: "tag", act: () => setAsked("alias") },
          ...version.aliases.map((alias) => ({
            text: `Take away @${alias}`,
            icon: "close" as const,
            act: () => void takeAway(version, alias, reload),
          })),
          { text: "Copy to another model", icon: "copy", act: () => setAsked("copy") },
          { text: "Delete", icon: "trash", danger: true, act: () => void remove(version) },
        ]}
      />
      {(asked === "stage" || asked === "request") && (
        <StageForm version={version} reload={reload} onClose={close} ask={asked === "request"} />
      )}
      {asked === "alias" && <AliasForm version={version} reload={reload} onClose={close} />}
      {asked === "copy" && <CopyForm version={version} onClose={close} />}
    </>
  )
}

async function takeAway(version: ModelVersion, alias: string, reload: () => void) {
  const { name } = version
  if (!(await attempt(() => call("registered_models.delete_alias", { name, alias })))) return
  reload()
  say(`@${alias} is gone`, async () => {
    await call("registered_models.set_alias", { name, alias, version: version.version })
    reload()
  })
}

type FormProps = Props & { onClose: () => void }

function StageForm({ version, reload, onClose, ask }: FormProps & { ask: boolean }) {
  const [stage, setStage] = useState<Stage>(version.stage === "Staging" ? "Production" : "Staging")
  const [archive, setArchive] = useState(false)
  const [comment, setComment] = useState("")
  const { name, version: number, stage: before } = version
  const submit = async () => {
    const wanted = { name, version: number, stage, archive_existing: archive }
    if (ask) {
      await call("registered_models.request_transition", { ...wanted, comment })
      say(`${stage} was asked for`)
    } else {
      await call("model_versions.transition", wanted)
      say(`Version ${number} is in ${stage}`, async () => {
        await call("model_versions.transition", { name, version: number, stage: before })
        reload()
      })
    }
    reload()
  }
  return (
    <FormDialog
      title={ask ? "Ask for a stage" : "Change the stage"}
      action={ask ? "Ask" : "Change"}
      ready={stage !== before}
      onClose={onClose}
      onSubmit={submit}
    >
      <label class="field">
        <span>Stage</span>
        <select class="select" value={stage} onChange={(event) => setStage(event.currentTarget.value as Stage)}>
          {STAGES.map((one) => (
            <option key={one} value={one}>
              {one}
            </option>
          ))}
        </select>
      </label>
      <label class="check">
        <input type="checkbox" checked={archive} onChange={(event) => setArchive(event.currentTarget.checked)} />
        Archive the versions that are in it
      </label>
      {ask && (
        <label class="field">
          <span>Why</span>
          <textarea class="area" rows={3} value={comment} onInput={(event) => setComment(event.currentTarget.value)} />
        </label>
      )}
      {!ask && <p class="soft small">When the policy of the model refuses it, ask for the stage: somebody else approves.</p>}
    </FormDialog>
  )
}

function AliasForm({ version, reload, onClose }: FormProps) {
  const [alias, setAlias] = useState("")
  const submit = async () => {
    await call("registered_models.set_alias", { name: version.name, alias: alias.trim(), version: version.version })
    reload()
  }
  return (
    <FormDialog title="Set an alias" action="Set" ready={alias.trim() !== ""} onClose={onClose} onSubmit={submit}>
      <label class="field">
        <span>Alias</span>
        <input class="input" value={alias} onInput={(event) => setAlias(event.currentTarget.value)} autoFocus />
      </label>
      <p class="soft small">An alias stands for one version: another version that has it loses it.</p>
    </FormDialog>
  )
}

function CopyForm({ version, onClose }: { version: ModelVersion; onClose: () => void }) {
  const [to, setTo] = useState("")
  const submit = async () => {
    await call("registered_models.create", { name: to.trim(), if_exists: "return" })
    const made = await call("model_versions.copy", { name: version.name, version: version.version, to: to.trim() })
    go(versionHref(made.name, made.version))
  }
  return (
    <FormDialog title="Copy to another model" action="Copy" ready={to.trim() !== ""} onClose={onClose} onSubmit={submit}>
      <label class="field">
        <span>Name of the model</span>
        <input class="input" value={to} onInput={(event) => setTo(event.currentTarget.value)} autoFocus />
      </label>
    </FormDialog>
  )
}

async function remove({ name, version }: ModelVersion) {
  const after = (isBack: boolean) => go(isBack ? versionHref(name, version) : modelHref(name))
  await discard(() => call("model_versions.delete", { name, version }), `Version ${version} is in the trash`, after)
}

export function Checks({ version, reload }: Props) {
  const [attesting, setAttesting] = useState(false)
  const { name, version: number, evaluated_by } = version
  const { data } = useLoad(`${name} ${number} ${version.signed_by}`, (signal) =>
    call("model_versions.list_signatures", { name, version: number }, signal),
  )
  const takeBack = async () => {
    if (await attempt(() => call("model_versions.attest", { name, version: number, passed: false }))) reload()
  }
  return (
    <Section
      title="Evaluation and signatures"
      acts={
        evaluated_by ? (
          <Button onClick={() => void takeBack()}>Take the evaluation back</Button>
        ) : (
          <Button icon="check" onClick={() => setAttesting(true)}>
            Say that it passed
          </Button>
        )
      }
    >
      <Facts
        facts={[
          ["Evaluation", evaluated_by ? `passed, says ${evaluated_by}` : <span class="soft">nobody has vouched for it</span>],
          ...(data?.signatures.length
            ? data.signatures.map((one): [string, string] => [
                `Signed with ${one.key}`,
                `${one.signer ? `by ${one.signer}, ` : ""}kept ${moment(one.added_ms)} by ${one.added_by}`,
              ])
            : ([["Signatures", <span class="soft">none</span>]] as [string, ComponentChildren][])),
          ["Verify its files", <Copied text={`trackway models verify models:/${name}/${number}`} />],
        ]}
      />
      {attesting && (
        <TextForm
          title="Say that the evaluation passed"
          action="Say it"
          label="On what, and how well"
          optional
          onClose={() => setAttesting(false)}
          onSubmit={async (note) => {
            await call("model_versions.attest", { name, version: number, note })
            reload()
          }}
        />
      )}
    </Section>
  )
}
