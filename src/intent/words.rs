//! The closed vocabularies of intents and policies.
//!
//! Each is an enum declared in byte order of its words, so that the derived order is the order in
//! which the formats sort. A macro, because ten hand-written pairs of `as_str` and `parse` are
//! ten places for a typing error that no type would catch.

/// Declares an enum of words with `ALL`, `WORDS`, `as_str`, `parse`, `known` and `Serialize`.
macro_rules! words {
    ($(#[$doc:meta])* pub enum $name:ident { $($variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $(#[doc = concat!("`", $word, "`")] $variant,)+
        }

        impl $name {
            /// All of them, in byte order of their words.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// Their words, in the same order.
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            /// The word of the formats.
            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word),+ }
            }

            /// Reads the exact word; `None` for any other.
            pub fn parse(word: &str) -> Option<$name> {
                match word { $($word => Some($name::$variant),)+ _ => None }
            }

            /// All words, comma-joined, for an error text.
            pub fn known() -> String {
                $name::WORDS.join(", ")
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    };
}
pub(crate) use words;

words! {
    /// What a target is.
    pub enum Kind {
        Bucket = "bucket",
        Host = "host",
        Other = "other",
        Path = "path",
        Queue = "queue",
        Repo = "repo",
        Table = "table",
        Topic = "topic",
        Url = "url",
    }
}

words! {
    /// What is done to a target, in classes.
    pub enum EndpointClass {
        FsDelete = "fs.delete",
        FsRead = "fs.read",
        FsWrite = "fs.write",
        NetDns = "net.dns",
        NetHttp = "net.http",
        Other = "other",
        ProcExec = "proc.exec",
        UiClick = "ui.click",
        UiNavigate = "ui.navigate",
        UiType = "ui.type",
    }
}

words! {
    /// How the caller found the tool.
    pub enum DiscoveryMethod {
        A2a = "a2a",
        DynamicMcp = "dynamic_mcp",
        Manual = "manual",
        Mcp = "mcp",
        StaticMcp = "static_mcp",
        Unknown = "unknown",
        Webmcp = "webmcp",
    }
}

words! {
    /// Where an argument came from.
    pub enum ProvenanceSource {
        External = "external",
        System = "system",
        ToolOutput = "tool_output",
        User = "user",
    }
}

words! {
    /// Whether a destructive intent is only planned.
    pub enum Phase {
        Apply = "apply",
        Plan = "plan",
    }
}

words! {
    /// How much the context evidence is worth to the caller.
    pub enum EvidenceMode {
        BestEffort = "best_effort",
        Required = "required",
    }
}

words! {
    /// Where a credential came from.
    pub enum CredentialSource {
        AwsIamUser = "aws_iam_user",
        AwsSts = "aws_sts",
        AzureFederated = "azure_federated",
        Command = "command",
        Env = "env",
        GcpSts = "gcp_sts",
        GithubOidc = "github_oidc",
        GithubPat = "github_pat",
        KubernetesServiceAccount = "kubernetes_service_account",
        Stub = "stub",
        Unknown = "unknown",
        VaultDynamic = "vault_dynamic",
    }
}

words! {
    /// How a credential is held.
    pub enum AccessType {
        CloudAdmin = "cloud_admin",
        Inherited = "inherited",
        Jit = "jit",
        Standing = "standing",
        Static = "static",
        Unknown = "unknown",
    }
}

words! {
    /// What a sandbox can reach.
    pub enum NetworkMode {
        Disabled = "disabled",
        EgressAllowlist = "egress_allowlist",
        Full = "full",
    }
}

words! {
    /// Which environment variables a sandbox sees.
    pub enum EnvExposure {
        Allowlist = "allowlist",
        Full = "full",
        None = "none",
    }
}

words! {
    /// Which files a sandbox sees.
    pub enum FilesystemIsolation {
        Container = "container",
        None = "none",
        Workspace = "workspace",
    }
}

words! {
    /// As whom a sandbox runs.
    pub enum UserMode {
        Default = "default",
        Root = "root",
        Unprivileged = "unprivileged",
    }
}

words! {
    /// The context fields that are text, trimmed and otherwise free (spec C4.5).
    pub enum Label {
        AgentActionBomRef = "agent_action_bom_ref",
        AgentId = "agent_id",
        ApprovalRef = "approval_ref",
        CredentialIssuer = "credential_issuer",
        CredentialJobBinding = "credential_job_binding",
        CredentialOwner = "credential_owner",
        CredentialRef = "credential_ref",
        CredentialRunBinding = "credential_run_binding",
        CredentialSubject = "credential_subject",
        CredentialTargetBinding = "credential_target_binding",
        Environment = "environment",
        EnvironmentFingerprint = "environment_fingerprint",
        JobId = "job_id",
        Repo = "repo",
        RequestId = "request_id",
        RunId = "run_id",
        SessionId = "session_id",
        WorkflowId = "workflow_id",
        WrkrInventoryRef = "wrkr_inventory_ref",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(words: impl Iterator<Item = &'static str>) {
        let words: Vec<_> = words.collect();
        assert!(words.is_sorted(), "{words:?}");
    }

    #[test]
    fn declared_order_is_byte_order() {
        sorted(Kind::ALL.iter().map(|word| word.as_str()));
        sorted(EndpointClass::ALL.iter().map(|word| word.as_str()));
        sorted(DiscoveryMethod::ALL.iter().map(|word| word.as_str()));
        sorted(ProvenanceSource::ALL.iter().map(|word| word.as_str()));
        sorted(NetworkMode::ALL.iter().map(|word| word.as_str()));
        sorted(EnvExposure::ALL.iter().map(|word| word.as_str()));
        sorted(FilesystemIsolation::ALL.iter().map(|word| word.as_str()));
        sorted(UserMode::ALL.iter().map(|word| word.as_str()));
        sorted(Label::ALL.iter().map(|word| word.as_str()));
    }

    #[test]
    fn every_word_reads_back() {
        assert!(Label::ALL.iter().all(|word| Label::parse(word.as_str()) == Some(*word)));
        assert_eq!(Kind::parse("Path"), None);
        assert_eq!(Phase::known(), "apply, plan");
    }
}
