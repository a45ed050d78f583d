--- Midfill for Neovim: turns on what Neovim has for inline completion. The server does the rest.
local M = {}

---@class midfill.Opts
---@field cmd? string[] how to start the server
---@field filetypes? string[] where to start it; everywhere if absent
---@field settings? table<string, any> the server's settings: enabled, model, maxTokens, ...
---@field keymap? { accept?: string|false, next?: string|false, previous?: string|false }

---@class midfill.Status
---@field state 'starting'|'ready'|'busy'|'error'
---@field message string
---@field model string
---@field device string
---@field cure string what to do about an error

local KEYS = { accept = '<Tab>', next = '<M-]>', previous = '<M-[>' }

---@type midfill.Status?
local last_status

--- What the server said last of itself; nil before it started.
---@return midfill.Status?
function M.status()
  return last_status
end

--- A word for the status line.
---@return string
function M.statusline()
  return last_status and ('Midfill: ' .. last_status.state) or ''
end

---@param status midfill.Status
function M._on_status(status)
  local is_news = status.state == 'error' and not (last_status and last_status.message == status.message)
  last_status = status
  if is_news then
    vim.notify(vim.trim(('Midfill: %s %s'):format(status.message, status.cure or '')), vim.log.levels.ERROR)
  end
  vim.api.nvim_exec_autocmds('User', { pattern = 'MidfillStatus', data = status })
end

--- Neovim goes on showing an item while its first characters are typed, but would insert all of it: leave those out.
---@param item vim.lsp.inline_completion.Item
---@return vim.lsp.inline_completion.Item? nil if what was typed is something else
local function untyped_part(item)
  local range, text = item.range, item.insert_text
  if not range or type(text) ~= 'string' then
    return item
  end
  local row, column = unpack(vim.api.nvim_win_get_cursor(0))
  if row - 1 ~= range.end_row or column < range.end_col then
    return nil
  end
  if column == range.end_col then
    return item
  end
  local typed = vim.api.nvim_get_current_line():sub(range.start_col + 1, column)
  if range.start_row ~= range.end_row or not vim.startswith(text, typed) then
    return nil
  end
  item.insert_text, item.range = text:sub(#typed + 1), nil
  return item
end

--- Inserts the ghost text, as an undo step of its own. False if there is none.
---@return boolean
function M.accept()
  return vim.lsp.inline_completion.get({
    on_accept = function(item)
      local rest = untyped_part(item)
      if rest then
        vim.o.undolevels = vim.o.undolevels -- breaks the undo sequence, see |undo-break|
      end
      return rest
    end,
  })
end

--- Turns completion on or off in every buffer.
function M.toggle()
  local wanted = not vim.lsp.inline_completion.is_enabled()
  vim.lsp.inline_completion.enable(wanted)
  vim.notify('Midfill is ' .. (wanted and 'on' or 'off'))
end

--- Stops the server and starts it again.
function M.restart()
  vim.lsp.enable('midfill', false)
  vim.lsp.enable('midfill', true)
end

---@param keymap { accept?: string|false, next?: string|false, previous?: string|false }
local function map_keys(keymap)
  if keymap.accept then
    vim.keymap.set('i', keymap.accept, function()
      return M.accept() and '' or keymap.accept
    end, { expr = true, desc = 'Accept the ghost text, or else type the key' })
  end
  for name, count in pairs({ next = 1, previous = -1 }) do
    if keymap[name] then
      vim.keymap.set('i', keymap[name], function()
        vim.lsp.inline_completion.select({ count = count })
      end, { desc = 'Show the ' .. name .. ' ghost text' })
    end
  end
end

--- Starts Midfill for the files that are open and those to come.
---@param opts? midfill.Opts
function M.setup(opts)
  opts = opts or {}
  vim.validate('cmd', opts.cmd, vim.islist, true, 'list of strings')
  vim.validate('filetypes', opts.filetypes, vim.islist, true, 'list of strings')
  vim.validate('settings', opts.settings, 'table', true)
  vim.validate('keymap', opts.keymap, 'table', true)
  if not vim.lsp.inline_completion then
    error('midfill needs Neovim 0.12 or newer')
  end
  vim.lsp.config('midfill', {
    cmd = opts.cmd,
    filetypes = opts.filetypes,
    settings = { midfill = opts.settings },
    init_options = opts.settings,
  })
  map_keys(vim.tbl_extend('force', KEYS, opts.keymap or {}))
  vim.lsp.inline_completion.enable(true)
  vim.api.nvim_create_user_command('Midfill', function(command)
    M[command.args]()
  end, {
    nargs = 1,
    complete = function(lead)
      return vim.tbl_filter(function(name)
        return vim.startswith(name, lead)
      end, { 'restart', 'toggle' })
    end,
    desc = 'Midfill: restart or toggle',
  })
  vim.lsp.enable('midfill')
end

return M
