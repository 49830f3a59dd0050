"""How the explorer's server is set up: as flags, because Streamlit reads no configuration from a package."""

from graph.palette import PILLARS

# Only the tables for light and dark are set: a bare primary colour would switch everybody to light.
THEME = {
    "theme.light.primaryColor": "#3451b2",
    "theme.light.backgroundColor": "#ffffff",
    "theme.light.secondaryBackgroundColor": "#f4f5f7",
    "theme.light.textColor": "#1c2024",
    "theme.light.borderColor": "#d9dce1",
    "theme.dark.primaryColor": "#9eb1ff",
    "theme.dark.backgroundColor": "#14161a",
    "theme.dark.secondaryBackgroundColor": "#1e2127",
    "theme.dark.textColor": "#edeef0",
    "theme.dark.borderColor": "#3a3f47",
    "theme.headingFontSizes": '["1.9rem", "1.25rem", "1.05rem"]',
    **{
        f"theme.{mode}.{look.name}TextColor": look.color
        for mode in ("light", "dark")
        for look in PILLARS.values()
    },
}


def flags(*, port: int, address: str, open_browser: bool) -> list[str]:
    """Command-line flags for `streamlit run`."""
    options = {
        "server.port": port,
        "server.address": address,
        "server.headless": not open_browser,
        "server.showEmailPrompt": False,
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": False,
        "browser.serverAddress": address,
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
        "logger.hideWelcomeMessage": True,
        **THEME,
    }
    return [
        f"--{name}={str(value).lower() if isinstance(value, bool) else value}"
        for name, value in options.items()
    ]
