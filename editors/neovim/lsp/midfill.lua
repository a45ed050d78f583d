-- Where Neovim looks for the configuration named "midfill". `require("midfill").setup()` adds the user's part.
---@type vim.lsp.Config
return {
  cmd = { 'midfill', 'lsp', '--stdio' },
  root_markers = { '.git', '.hg', 'pyproject.toml', 'package.json', 'Cargo.toml', 'go.mod' },
  settings = { midfill = {} },
  handlers = {
    ['midfill/status'] = function(_, status)
      require('midfill')._on_status(status)
    end,
  },
}
