--- `:checkhealth midfill`
local M = {}

---@param cmd string[]
---@return string[]? lines nil if it could not be run
---@return integer code
local function run(cmd)
  local ok, process = pcall(vim.system, cmd, { text = true, timeout = 30000 })
  if not ok then
    return nil, -1
  end
  local result = process:wait()
  return vim.split(vim.trim(result.stdout .. result.stderr), '\n'), result.code
end

local function check_neovim()
  vim.health.start('Neovim')
  if vim.lsp.inline_completion then
    vim.health.ok(tostring(vim.version()) .. ' has inline completion')
  else
    vim.health.error('no inline completion in ' .. tostring(vim.version()), 'Install Neovim 0.12 or newer.')
  end
  local accept = vim.fn.maparg('<Tab>', 'i', false, true)
  if (accept.desc or ''):find('ghost text') then
    vim.health.ok('<Tab> accepts the ghost text')
  else
    vim.health.info('<Tab> is mapped to something else, or `require("midfill").setup()` was not called')
  end
end

local function check_program()
  vim.health.start('The midfill program')
  local cmd = vim.lsp.config.midfill.cmd
  local program = type(cmd) == 'table' and cmd[1] or 'midfill'
  local version = run({ program, '--version' })
  if not version then
    vim.health.error(
      ('there is no program "%s"'):format(program),
      { 'pip install "midfill[torch]"', 'or name another one: require("midfill").setup({ cmd = {...} })' }
    )
    return
  end
  vim.health.ok(table.concat(version, ' '))
  local report, code = run({ program, 'doctor' })
  local say = code == 0 and vim.health.ok or vim.health.error
  say(('midfill doctor says:\n%s'):format(table.concat(report or {}, '\n')))
end

local function check_server()
  vim.health.start('The server')
  local clients = vim.lsp.get_clients({ name = 'midfill' })
  if #clients == 0 then
    vim.health.info('not running: it starts with the first file')
    return
  end
  for _, client in ipairs(clients) do
    local buffers = vim.tbl_count(client.attached_buffers)
    vim.health.ok(('running for %s (%d buffers)'):format(client.root_dir or 'single files', buffers))
  end
  local status = require('midfill').status()
  if not status then
    vim.health.info('it has not said how it is')
  elseif status.state == 'error' then
    vim.health.error(status.message, status.cure ~= '' and status.cure or nil)
  else
    vim.health.ok(('%s: %s %s'):format(status.state, status.model, status.device))
  end
end

function M.check()
  check_neovim()
  check_program()
  check_server()
end

return M
